package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/launch"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// forwarded are the signals that reach the payload through the agent. SIGKILL
// and SIGSTOP cannot be caught; Slurm sends those to all processes itself.
var forwarded = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}

// payload writes the start down and runs the user's lines in the build's
// environment, in this order: the start is flushed to disk while the environment
// is entered, and the lines wait for it. meanwhile is done while they run. An
// error means that they could not be started.
func (a *Agent) payload(ctx context.Context, b facts.Chosen, meanwhile func()) (int, error) {
	got, stop := a.Signals(forwarded...)
	defer stop()
	began := a.Now()
	here, err := a.newHere()
	if err != nil {
		return 0, err
	}
	defer here.done()
	p, err := a.enter(ctx, b)
	if err != nil {
		return 0, err
	}
	also := make(chan struct{})
	go func() {
		defer close(also)
		meanwhile()
	}()
	f := &following{Agent: a, p: p, here: here, check: a.newCheckpoint()}
	werr := f.toItsEnd(got)
	a.printed.over()
	end := a.newEnd()
	end.Elapsed = a.Now().Sub(began).Seconds()
	f.ended(&end, werr)
	a.finish(context.WithoutCancel(ctx), f.check, &end, f.limit())
	end.Changed, end.Before = a.changed(f.limit()), a.start.Changed
	<-also
	end.Time = a.Now().UTC()
	a.writeEnd(end) // the payload's own word counts more than our failure to write it down
	return end.ExitCode, nil
}

// enter starts the environment's bash and writes the start down; the user's
// lines wait for that.
func (a *Agent) enter(ctx context.Context, b facts.Chosen) (Payload, error) {
	lines, err := a.writeScript(b)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	wait, let, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("the environment's bash could not be started: %w", err)
	}
	defer let.Close()
	a.printed = a.print()
	// The child leads a process group, so that a signal for the payload reaches
	// all of it. It outlives a cancelled ctx: the signal does the cancelling.
	p, err := a.Start(context.WithoutCancel(ctx), proc.Cmd{
		Path:   filepath.Join(b.Env, "bash"),
		Args:   []string{"--noprofile", "--norc", "/proc/self/fd/3"},
		Extra:  []*os.File{lines, wait},
		Env:    a.payloadEnv(),
		Dir:    a.dir,
		Stdout: a.printed.instead(a.Stdout), Stderr: a.printed.instead(a.Stderr),
		Death: a.death(),
	})
	a.printed.started()
	wait.Close()
	if err != nil {
		return nil, fmt.Errorf("the environment's bash could not be started: %w", err)
	}
	// Without that word nothing of the user's is run.
	if err := a.begun(); err != nil {
		p.Signal(syscall.SIGKILL)
		_ = p.Wait()
		return nil, err
	}
	_, _ = let.WriteString("\n") // that bash is gone already is seen by who waits for it
	return p, nil
}

func (a *Agent) newEnd() facts.End {
	return facts.End{Schema: facts.EndSchema, RunID: a.Run.ID, Task: a.task, Attempt: a.attempt, Time: a.Now().UTC(), Outputs: []facts.File{}}
}

// writeScript puts the script into a file that is in memory alone: on a command
// line everybody on the node could read the variables, and a disk may be full.
func (a *Agent) writeScript(b facts.Chosen) (*os.File, error) {
	fd, err := unix.MemfdCreate("nixbatch-task", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("the task's script could not be written: %w", err)
	}
	f := os.NewFile(uintptr(fd), "nixbatch-task")
	if _, err := f.WriteString(a.script(b)); err != nil {
		f.Close()
		return nil, fmt.Errorf("the task's script could not be written: %w", err)
	}
	return f, nil
}

// script is what the pinned bash runs: the environment as nix-shell would set
// it, the variables that win over it, and the user's lines, which end at the
// first command that fails.
func (a *Agent) script(b facts.Chosen) string {
	var s strings.Builder
	q := proc.Quote
	s.WriteString("exec 3<&-\n") // bash has opened the script for itself
	fmt.Fprintf(&s, ". %s 4<&- || exit %d\n", q(filepath.Join(b.Env, "activate")), fault.Refused.ExitCode())
	// See payload: a line comes when the start is written down.
	fmt.Fprintf(&s, "TMOUT=0 read -r __nixbatch_start <&4 || exit %d\nexec 4<&-\nunset __nixbatch_start\n", fault.Refused.ExitCode())
	fmt.Fprintf(&s, "unset %s\n", strings.Join(plan.Unset, " "))
	own := []facts.Var{
		{Name: "NIXBATCH_RUN", Value: a.Run.ID}, {Name: "NIXBATCH_ARCH", Value: b.Arch},
		{Name: "NIXBATCH_TASK", Value: fmt.Sprint(a.task)}, {Name: "NIXBATCH_ATTEMPT", Value: fmt.Sprint(a.attempt)},
	}
	// The environment's PATH is known only now, and launch comes first on it.
	fmt.Fprintf(&s, "export PATH=%s\"${PATH:+:$PATH}\"\n", q(a.launch.bin))
	own = append(own, facts.Var{Name: launch.SetupVar, Value: a.launch.file})
	for _, v := range append(own, a.start.Vars...) {
		fmt.Fprintf(&s, "export %s=%s\n", v.Name, q(v.Value))
	}
	if a.dir != "" {
		fmt.Fprintf(&s, "export NIXBATCH_WORKDIR=%s\n", q(a.start.Priv.WorkDir))
	}
	if a.plan.Scratch != nil {
		fmt.Fprintf(&s, "export NIXBATCH_SCRATCH=%s\n", q(a.dir))
	}
	s.WriteString(a.newCheckpoint().trap())
	s.WriteString("set -eo pipefail\n")
	fmt.Fprintf(&s, ". %s\n", q(a.Run.LinesFile()))
	return s.String()
}

// changed looks at the inputs again that are not the task's own copies.
func (a *Agent) changed(limit int64) []facts.InputChange {
	p := a.place
	p.From = a.start.Priv.WorkDir
	return p.Changed(a.start.Inputs, limit)
}
