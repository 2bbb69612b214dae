package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/launch"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/numbers"
	"github.com/nixbatch/nixbatch/internal/rundir"
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
	end.Outputs = a.outputs(f.limit())
	end.Changed = a.changed(f.limit())
	<-also
	end.Numbers = numbers.Find(os.DirFS("."), a.plan.Compare, end.Outputs, a.printed.open)
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
		fmt.Fprintf(&s, "export NIXBATCH_SCRATCH=%s NIXBATCH_WORKDIR=%s\n", q(a.dir), q(a.start.Priv.WorkDir))
	}
	s.WriteString(a.newCheckpoint().trap())
	s.WriteString("set -eo pipefail\n")
	fmt.Fprintf(&s, ". %s\n", q(a.Run.LinesFile()))
	return s.String()
}

// outputs describes every file that a declared output names.
func (a *Agent) outputs(limit int64) []facts.File { return a.describe(a.plan.Outputs, limit) }

// describe describes every file that one of the patterns names; a plain name
// that no file has is said to be missing.
func (a *Agent) describe(patterns []string, limit int64) []facts.File {
	out := []facts.File{}
	seen := map[string]bool{}
	for _, pattern := range patterns {
		// A file of that very name comes first: "out[1].log" is a name before it
		// is a pattern.
		if st, err := os.Lstat(pattern); err == nil && st.Mode().IsRegular() {
			out = append(out, digest.File(pattern, pattern, limit))
			seen[pattern] = true
			continue
		}
		names, err := glob(".", pattern)
		switch {
		case err != nil:
			out = append(out, facts.File{Path: pattern, Skipped: digest.Reason(err), Skip: facts.SkipUnreadable})
		case len(names) == 0:
			out = append(out, facts.File{Path: pattern, Skipped: "no such file", Skip: facts.SkipMissing})
		}
		for _, n := range names {
			// The record does not describe itself.
			if !seen[n] && !slices.Contains(strings.Split(n, "/"), rundir.DirName) {
				seen[n] = true
				out = append(out, digest.File(n, n, limit))
			}
		}
	}
	return out
}

// changed looks at the inputs again.
func (a *Agent) changed(limit int64) (out []facts.InputChange) {
	for _, was := range a.start.Inputs {
		if was.SHA256 == "" {
			continue
		}
		switch now := digest.File(was.Path, was.Path, limit); {
		case now.Skipped != "":
			out = append(out, facts.InputChange{Path: was.Path, What: now.Skipped, Skip: now.Skip})
		case now.SHA256 != was.SHA256:
			out = append(out, facts.InputChange{Path: was.Path, What: facts.OtherContents})
		}
	}
	return out
}
