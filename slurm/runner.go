package slurm

import (
	"context"
	"errors"
	"io"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// Command is one of Slurm's commands, as a Client asks a Runner to run it.
type Command struct {
	Name  string    // sbatch, squeue, sacct, sinfo, scancel, scontrol, srun
	Args  []string  // without the name
	Env   []string  // the whole environment, KEY=VALUE
	Stdin io.Reader // nil: nothing to read
	// Apart keeps what is typed at the terminal (Ctrl-C) from the command: an
	// interrupt reaches it by way of the context alone.
	Apart bool
}

// String is the command line, quoted so that it can be pasted into a shell. The
// environment is left out.
func (c Command) String() string { return c.proc().String() }

func (c Command) proc() proc.Cmd {
	return proc.Cmd{Path: c.Name, Args: c.Args, Env: c.Env, Stdin: c.Stdin, Own: c.Apart}
}

// Output is what a command printed.
type Output struct{ Stdout, Stderr []byte }

// Runner runs Slurm's commands. A Client without one runs those on PATH; a test
// or a program that reaches Slurm in another way has its own.
type Runner interface {
	// Run runs a command to its end. One that fails, is killed or cannot be
	// started gives an error with a *CommandError in its chain, beside what was
	// printed until then.
	Run(ctx context.Context, c Command) (Output, error)
}

// CommandError is a command that failed.
type CommandError struct {
	Missing  bool   // there is no such program, so that nothing was done
	ExitCode int    // -1 where the command did not exit by itself
	Stderr   []byte // all that it said there
	Err      error  // the cause, in words for people
}

func (e *CommandError) Error() string { return e.Err.Error() }
func (e *CommandError) Unwrap() error { return e.Err }

// Missing reports whether an error says that there is no such command on this
// machine, as opposed to one that ran and failed.
func Missing(err error) bool {
	var ce *CommandError
	return errors.As(err, &ce) && ce.Missing
}

// OnPath is the Runner of a Client without one: it runs the commands that are
// found on PATH. A test may put itself in front of it.
type OnPath struct{}

// Run implements Runner.
func (OnPath) Run(ctx context.Context, c Command) (Output, error) {
	res, err := proc.System{}.Run(ctx, c.proc())
	out := Output{Stdout: res.Stdout, Stderr: res.Stderr}
	if err == nil {
		return out, nil
	}
	e := &CommandError{Missing: proc.NotFound(err), ExitCode: -1, Stderr: res.Stderr, Err: err}
	var pe *proc.Error
	if errors.As(err, &pe) {
		e.ExitCode = pe.ExitCode
	}
	return out, e
}
