package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/nixbatch/nixbatch/internal/collect"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/interrupt"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// orphanGrace is what a payload has to end in whose agent was killed.
const orphanGrace = 2 * time.Second

// RunHere runs the one task of a local run on this machine, with the same agent
// that a node would run, and waits for it. What it prints goes to the log and to
// out. When ctx ends, the agent is told to end its payload; a signal after that
// makes it kill it. When this process ends, the agent is told so too, and when the
// agent is killed, its payload is ended from here.
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
	if err := proc.Adopt(); err != nil {
		return fmt.Errorf("the run's processes cannot be held together: %w", err)
	}
	runtime.LockOSThread() // see proc.Cmd.Death
	defer runtime.UnlockOSThread()
	family := proc.FamilyFromNow()
	// A pipe of our own, so that the agent's end is seen while others still hold it.
	from, to, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	defer interrupt.Hold()() // its payload gets time to end
	defer from.Close()
	p, err := proc.Start(context.WithoutCancel(ctx), proc.Cmd{
		Path: r.AgentFile(), Args: []string{"agent", r.Dir}, Dir: workDir, Env: slurm.CleanEnv(environ),
		Stdout: to, Stderr: to, Death: syscall.SIGTERM,
	}, true)
	to.Close()
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	both := &logged{log: log, out: out}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(both, from) // both keeps the log's error, and out's is nobody's
	}()
	stop := tellAgent(ctx, p)
	werr := p.Wait()
	stop()
	if !family.End(orphanGrace) {
		screen.Printf(out, "nixbatch: processes that the payload left behind did not end\n")
		from.Close() // they may hold the other end for good
	}
	<-copied
	if both.err != nil {
		screen.Printf(out, "nixbatch: the log is not whole: %v\n", both.err)
	}
	// How the payload ended is in its end file; how the agent did says no more,
	// unless it could not write that.
	var pe *proc.Error
	if werr != nil && !errors.As(werr, &pe) {
		return fmt.Errorf("agent: %w", werr)
	}
	if pe != nil && pe.Signal != "" {
		return agentKilled(r, p, pe.Signal)
	}
	return nil
}

// tellAgent tells the agent to end when ctx does, and once more with each signal
// that comes after.
func tellAgent(ctx context.Context, p *proc.Process) (stop func()) {
	again, over := make(chan os.Signal, 1), make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		signal.Notify(again, syscall.SIGINT, syscall.SIGTERM)
		_ = p.Signal(syscall.SIGTERM) // it may be over
		for {
			select {
			case <-again:
				_ = p.Signal(syscall.SIGTERM)
			case <-over:
				signal.Stop(again)
				return
			}
		}
	})
	return func() { unhook(); close(over) }
}

// agentKilled writes down the end that the agent could not.
func agentKilled(r rundir.Run, p *proc.Process, name string) error {
	end := facts.End{Schema: facts.EndSchema, RunID: r.ID, Time: time.Now().UTC(), ExitCode: 255, Signal: name,
		Reason: "its agent was killed by signal: " + name + "; what it had started was ended", Outputs: []facts.File{}}
	if ws, ok := p.State().Sys().(syscall.WaitStatus); ok {
		end.ExitCode = 128 + int(ws.Signal())
		if ws.Signal() == syscall.SIGTERM { // it had not come to its payload yet
			end.TellToEnd(name)
		}
	}
	if began, err := durable.There(r.AttemptDir(0, 0)); err != nil {
		return fmt.Errorf("agent: it was killed by signal, and whether it began cannot be told: %w", err)
	} else if !began {
		return fmt.Errorf("agent: it was killed by signal before it began: %s", name)
	}
	if back, err := collect.Task(r, 0); err == nil {
		end.Outputs, end.NotCopied = back.Outputs, back.Failed
	}
	if err := durable.Write(r.EndFile(0, 0), end); err != nil && !errors.Is(err, durable.ErrExists) {
		return fmt.Errorf("the agent was killed, and its end could not be written down: %w", err)
	}
	return nil
}

// logged writes to a log and to out. A log that cannot be written (its disk is
// full) does not end the payload, which would find nobody reading; nor does out.
type logged struct {
	log, out io.Writer
	err      error // of the log
}

func (l *logged) Write(p []byte) (int, error) {
	if l.err == nil {
		_, l.err = l.log.Write(p)
	}
	_, _ = l.out.Write(p)
	return len(p), nil
}
