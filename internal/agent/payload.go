package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

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

// hurriedLimit bounds, in bytes, the files that are hashed when the task was
// told to end: Slurm kills what is left after KillWait (30 seconds by default).
const hurriedLimit = 1 << 30

// payload writes the start down and runs the user's lines in the build's
// environment, in this order: the start is flushed to disk while the environment
// is entered, and the lines wait for it. meanwhile is done while they run. An
// error means that they could not be started.
func (a *Agent) payload(ctx context.Context, b facts.Chosen, meanwhile func()) (int, error) {
	got := make(chan os.Signal, 16)
	signal.Notify(got, forwarded...)
	defer signal.Stop(got)
	began := time.Now()
	here, err := a.newHere()
	if err != nil {
		return 0, err
	}
	defer here.done()
	p, err := a.enter(ctx, b)
	if err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- p.Wait() }()
	also := make(chan struct{})
	go func() {
		defer close(also)
		meanwhile()
	}()
	told := ""
	check := a.newCheckpoint()
	var werr error
	for waiting := true; waiting; {
		select {
		case s := <-got:
			if (a.plan.Checkpoint == nil || !check.saw(s, a.plan.Checkpoint.Before)) && ends(s) {
				told = s.String()
			}
			// The group may be gone already; then there is nobody to tell.
			_ = syscall.Kill(-p.Pid(), s.(syscall.Signal))
			if s == syscall.SIGTERM && a.dir != "" {
				endGroup(p.Pid(), termGrace)
			}
			here.saw(s)
		case <-here.due:
			here.kill()
		case <-here.orphans:
			here.family.Reap(p.Pid())
		case <-check.due:
			if a.plan.Checkpoint.Requeue {
				check.stopped = true
				endGroup(p.Pid(), termGrace)
			}
		case werr = <-done:
			waiting = false
		}
	}
	select { // Slurm signals all of the job's processes: the payload may be quicker
	case s := <-got:
		if ends(s) {
			told = s.String()
		}
	default:
	}
	end := a.newEnd()
	end.Elapsed = time.Since(began).Seconds()
	end.ExitCode, end.Signal = exitOf(werr)
	if left := here.end(); left != "" {
		fmt.Fprintf(a.Stderr, "nixbatch: %s\n", left)
	}
	switch {
	case told != "":
		end.TellToEnd(told)
	case end.ExitCode != 0:
		end.Reason = a.diskFull(end.ExitCode)
	}
	if st := p.State(); st != nil {
		end.UserTime, end.SysTime = st.UserTime().Seconds(), st.SystemTime().Seconds()
		if ru, ok := st.SysUsage().(*syscall.Rusage); ok {
			end.MaxRSS = ru.Maxrss
		}
	}
	limit := int64(digest.HashLimit)
	if told != "" {
		limit = hurriedLimit
	}
	a.finish(context.WithoutCancel(ctx), check, &end, limit)
	end.Outputs = a.outputs(limit)
	end.Changed = a.changed(limit)
	<-also
	end.Numbers = numbers.Find(os.DirFS("."), a.plan.Compare, end.Outputs)
	end.Time = a.Now().UTC()
	a.writeEnd(end) // the payload's own word counts more than our failure to write it down
	return end.ExitCode, nil
}

// enter starts the environment's bash and writes the start down; the user's
// lines wait for that.
func (a *Agent) enter(ctx context.Context, b facts.Chosen) (*proc.Process, error) {
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
	// The child leads a process group, so that a signal for the payload reaches
	// all of it. It outlives a cancelled ctx: the signal does the cancelling.
	p, err := proc.Start(context.WithoutCancel(ctx), proc.Cmd{
		Path:   filepath.Join(b.Env, "bash"),
		Args:   []string{"--noprofile", "--norc", "/proc/self/fd/3"},
		Extra:  []*os.File{lines, wait},
		Env:    a.payloadEnv(),
		Dir:    a.dir,
		Stdout: a.Stdout, Stderr: a.Stderr,
		Death: a.death(),
	}, true)
	wait.Close()
	if err != nil {
		return nil, fmt.Errorf("the environment's bash could not be started: %w", err)
	}
	// Without that word nothing of the user's is run.
	if err := a.begun(); err != nil {
		_ = syscall.Kill(-p.Pid(), syscall.SIGKILL)
		_ = p.Wait()
		return nil, err
	}
	_, _ = let.WriteString("\n") // that bash is gone already is seen by who waits for it
	return p, nil
}

// ends reports whether a signal tells to end: the others may mean anything, and
// a payload that dies of one has it in its end.
func ends(s os.Signal) bool {
	return s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT
}

func (a *Agent) newEnd() facts.End {
	return facts.End{Schema: facts.EndSchema, RunID: a.Run.ID, Task: a.task, Attempt: a.attempt, Time: a.Now().UTC(), Outputs: []facts.File{}}
}

// exitOf is the exit code a shell would give, and the signal's name.
func exitOf(err error) (code int, sig string) {
	var pe *proc.Error
	if !errors.As(err, &pe) {
		return 0, ""
	}
	if pe.Signal != "" {
		var ee interface{ Sys() any }
		if errors.As(pe.Err, &ee) {
			if ws, ok := ee.Sys().(syscall.WaitStatus); ok {
				return 128 + int(ws.Signal()), pe.Signal
			}
		}
		return 255, pe.Signal
	}
	return pe.ExitCode, ""
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
