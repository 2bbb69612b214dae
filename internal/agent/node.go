package agent

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/slurm"
)

// Machine is what an agent has of its node beside the file system: Node is the
// real one.
type Machine interface {
	Getenv(name string) string // "" where it is not set
	Environ() []string
	Hostname() (string, error)
	Now() time.Time
	After(time.Duration) <-chan time.Time
	// Look sees this node's CPU and hardware.
	Look() (Seen, error)
	// Affinity is the processors that this process may run on, ascending.
	Affinity() []int
	// Limits are the soft limits of getrlimit(2), by names of the record.
	Limits() map[string]string
	// Find is where a program is on PATH.
	Find(program string) (string, error)
	// Run runs a program of Slurm's to its end.
	Run(context.Context, proc.Cmd) (proc.Result, error)
	// Client asks Slurm, with the environment given.
	Client(env []string) *slurm.Client
	// Start starts the payload as the leader of a process group.
	Start(context.Context, proc.Cmd) (Payload, error)
	// Signals are those that reach the agent from now on, until stop is called.
	Signals(...os.Signal) (got <-chan os.Signal, stop func())
}

// Payload is a process group with what the user's lines started.
type Payload interface {
	Pid() int
	// Signal goes to the whole group. That there is nobody any more is no error.
	Signal(syscall.Signal)
	// Wait waits for the leader's end; a non-zero exit or a signal is a *proc.Error.
	Wait() error
	// Used is what it used, once it is over.
	Used() (user, system time.Duration, maxRSSKiB int64)
}

// Node is the machine that the process runs on.
type Node struct{}

// The methods of Machine.
func (Node) Getenv(name string) string              { return os.Getenv(name) }
func (Node) Environ() []string                      { return os.Environ() }
func (Node) Hostname() (string, error)              { return os.Hostname() }
func (Node) Now() time.Time                         { return time.Now() }
func (Node) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (Node) Look() (Seen, error)                    { return lookHere(os.Getenv, time.Now(), "job") }
func (Node) Affinity() []int                        { return affinity() }
func (Node) Limits() map[string]string              { return limits() }
func (Node) Find(program string) (string, error)    { return proc.Look(program) }
func (Node) Client(env []string) *slurm.Client      { return &slurm.Client{Env: env} }

func (Node) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	return proc.System{}.Run(ctx, c)
}

func (Node) Start(ctx context.Context, c proc.Cmd) (Payload, error) {
	p, err := proc.Start(ctx, c, true)
	if err != nil {
		return nil, err
	}
	return group{p}, nil
}

func (Node) Signals(which ...os.Signal) (got <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 16)
	signal.Notify(c, which...)
	return c, func() { signal.Stop(c) }
}

type group struct{ *proc.Process }

func (g group) Signal(s syscall.Signal) { _ = syscall.Kill(-g.Pid(), s) }

func (g group) Used() (user, system time.Duration, maxRSSKiB int64) {
	st := g.State()
	if st == nil {
		return 0, 0, 0
	}
	if ru, ok := st.SysUsage().(*syscall.Rusage); ok {
		maxRSSKiB = ru.Maxrss
	}
	return st.UserTime(), st.SystemTime(), maxRSSKiB
}
