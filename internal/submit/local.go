package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// RunHere runs the one task of a local run on this machine, with the same agent
// that a node would run, and waits for it. What it prints goes to the log and to
// out. When ctx ends, the agent is told to end its payload.
func (s *Submitted) RunHere(ctx context.Context, out io.Writer) (status.Status, error) {
	if err := runHere(ctx, s.Run, s.WorkDir, s.opts.Environ, out); err != nil {
		return status.Status{}, err
	}
	all, err := status.States(ctx, nil, []rundir.Run{s.Run}, s.About())
	if err != nil {
		return status.Status{}, err
	}
	return all[0], nil
}

func runHere(ctx context.Context, r rundir.Run, workDir string, environ []string, out io.Writer) error {
	log, err := os.OpenFile(r.LogFile(0), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	defer log.Close()
	both := &logged{log: log, out: out}
	p, err := proc.Start(context.WithoutCancel(ctx), proc.Cmd{
		Path: r.AgentFile(), Args: []string{"agent", r.Dir}, Dir: workDir, Env: slurm.CleanEnv(environ),
		Stdout: both, Stderr: both,
	}, true)
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = p.Signal(syscall.SIGTERM) })
	defer stop()
	// How the payload ended is in its end file; how the agent did says no more.
	var pe *proc.Error
	if err := p.Wait(); err != nil && !errors.As(err, &pe) {
		return fmt.Errorf("agent: %w", err)
	}
	if both.err != nil {
		fmt.Fprintf(out, "nixbatch: the log is not whole: %v\n", both.err)
	}
	return nil
}

// logged writes to a log and to out. A log that cannot be written (its disk is
// full) does not end the payload, which would find nobody reading.
type logged struct {
	log, out io.Writer
	err      error // of the log
}

func (l *logged) Write(p []byte) (int, error) {
	if l.err == nil {
		_, l.err = l.log.Write(p)
	}
	return l.out.Write(p)
}
