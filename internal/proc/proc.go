// Package proc starts processes: the only one that does.
//
// It promises that a command that fails comes back as an *Error with a command
// line that can be pasted into a shell, how it ended (exit code or signal), and
// the line of its stderr that decides. A cancelled context sends SIGINT first
// and SIGKILL after a grace period, so that Nix and Slurm clients can tidy up.
//
// It never runs a shell, never adds to the environment it is given, and never
// logs.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Cmd is one command to run.
type Cmd struct {
	Path string   // program: a path, or a name looked up on this process's PATH
	Args []string // arguments, without the program's own name
	Env  []string // the whole environment, KEY=VALUE; nil means this process's own
	Dir  string   // working directory; "" means this process's own
	// Stdin is read by the command; nil means /dev/null.
	Stdin io.Reader
	// Stdout and Stderr additionally receive what the command prints, as it
	// prints it; both may be nil. Result holds the output in any case.
	Stdout, Stderr io.Writer
	// Extra are files that the command gets as descriptors 3, 4 …
	Extra []*os.File
	// Grace is the time between SIGINT and SIGKILL after cancellation
	// (0: half a second, so that an interrupted command is over in one).
	Grace time.Duration
	// Own gives Run's command a process group of its own: what is typed at the
	// terminal (Ctrl-C) reaches it by way of the context alone, so that an
	// interrupt is never taken for a failure. It must not ask at the terminal.
	Own bool
	// Death is the signal that the process gets when the thread that started it
	// ends, however that ends (PR_SET_PDEATHSIG, prctl(2)); 0: none. Whoever
	// starts it keeps to its thread (runtime.LockOSThread) for as long as it runs.
	Death syscall.Signal

	linger time.Duration // in place of linger, for tests
}

// Result is what a finished command printed.
type Result struct {
	Stdout, Stderr []byte
}

// Runner runs commands. System is the real one; tests put fault injectors in
// front of it.
type Runner interface {
	// Run runs the command to its end. A command that could not be started,
	// exited non-zero or was killed yields an *Error, with the Result holding
	// what it printed before.
	Run(ctx context.Context, c Cmd) (Result, error)
}

// System runs commands on this machine.
type System struct{}

// Error is a command that failed.
type Error struct {
	Line     string // the command line, quoted for a POSIX shell
	ExitCode int    // -1 when it did not exit by itself
	Signal   string // the signal that killed it, or ""
	Decisive string // the line of stderr that decides, or ""
	Stderr   []byte // all of its stderr
	Err      error  // the cause: an *exec.ExitError, an *exec.Error, a context error
}

func (e *Error) Error() string {
	how := ""
	switch {
	case e.Signal != "":
		how = "killed by " + e.Signal
	case e.ExitCode > 0: // with 0 it is Err that tells what went wrong
		how = fmt.Sprintf("exit code %d", e.ExitCode)
	default:
		how = e.Err.Error()
	}
	if e.Decisive != "" {
		how += ": " + e.Decisive
	}
	return fmt.Sprintf("%s: %s", e.Line, how)
}

func (e *Error) Unwrap() error { return e.Err }

// NotFound reports whether err says that the program does not exist on this
// machine (as opposed to having run and failed).
func NotFound(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist)
}

// Look finds a program on this process's PATH and returns its absolute path.
func Look(name string) (string, error) { return exec.LookPath(name) }

// Run implements Runner.
func (System) Run(ctx context.Context, c Cmd) (Result, error) {
	var out, errb bytes.Buffer
	cmd, kill := build(ctx, c)
	defer kill.off()
	cmd.Stdout, cmd.Stderr = tee(&out, c.Stdout), tee(&errb, c.Stderr)
	err := cmd.Run()
	res := Result{Stdout: out.Bytes(), Stderr: errb.Bytes()}
	if err != nil {
		if cerr := ctx.Err(); cerr != nil && !errors.Is(err, cerr) {
			err = fmt.Errorf("%w (%w)", cerr, err)
		}
		return res, newError(c, cmd.ProcessState, res.Stderr, err)
	}
	return res, nil
}

// Process is a started command.
type Process struct {
	c    Cmd
	cmd  *exec.Cmd
	kill *killing
}

// Start starts a command without waiting for it. Its output goes to c.Stdout
// and c.Stderr alone (an *os.File is handed over as it is; nil is /dev/null).
// own puts it into a session and process group of its own, so that a signal
// meant for us does not reach it.
func Start(ctx context.Context, c Cmd, own bool) (*Process, error) {
	cmd, kill := build(ctx, c)
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	if own {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: c.Death}
	}
	if err := cmd.Start(); err != nil {
		return nil, newError(c, nil, nil, err)
	}
	return &Process{c, cmd, kill}, nil
}

// Pid is the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal to the process.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Wait waits for the end; a non-zero exit or a signal is an *Error.
func (p *Process) Wait() error {
	err := p.cmd.Wait()
	p.kill.off()
	if err != nil {
		return newError(p.c, p.cmd.ProcessState, nil, err)
	}
	return nil
}

// State is how the process ended; nil before Wait has returned.
func (p *Process) State() *os.ProcessState { return p.cmd.ProcessState }

// killing is the end of a command that was told to end and goes on; it is off
// when the command is over, so that nobody else gets the signal.
type killing struct {
	mu    sync.Mutex
	over  bool
	timer *time.Timer
}

func (k *killing) in(grace time.Duration, kill func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.timer = time.AfterFunc(grace, kill)
	}
}

func (k *killing) off() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over = true; k.timer != nil {
		k.timer.Stop()
	}
}

func build(ctx context.Context, c Cmd) (*exec.Cmd, *killing) {
	kill := &killing{}
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.ExtraFiles = c.Env, c.Dir, c.Stdin, c.Extra
	grace := c.Grace
	if grace == 0 {
		grace = 500 * time.Millisecond
	}
	tell := func(s syscall.Signal) error { return cmd.Process.Signal(s) }
	if c.Own {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		// The whole group, as the terminal does it: a script's SIGINT alone would
		// wait for what the script runs.
		tell = func(s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }
	}
	cmd.Cancel = func() error {
		// By then it may be gone, which is all that was wanted.
		kill.in(grace, func() { _ = tell(syscall.SIGKILL) })
		return tell(syscall.SIGINT)
	}
	cmd.WaitDelay = max(linger, grace)
	if c.linger > 0 {
		cmd.WaitDelay = c.linger
	}
	return cmd, kill
}

// linger bounds the wait for output of a command that is over, which a child that
// it left behind may keep open. It is far above what a busy machine needs to read
// what is there: what was not read in time would make a good answer a failure.
const linger = 10 * time.Second

func tee(keep *bytes.Buffer, also io.Writer) io.Writer {
	if also == nil {
		return keep
	}
	return io.MultiWriter(keep, also)
}

func newError(c Cmd, st *os.ProcessState, stderr []byte, err error) *Error {
	e := &Error{Line: c.String(), ExitCode: -1, Stderr: stderr, Err: err, Decisive: Decisive(stderr)}
	if st != nil {
		e.ExitCode = st.ExitCode()
		if ws, ok := st.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			e.Signal = ws.Signal().String()
		}
	}
	return e
}

// String is the command line, quoted so that it can be pasted into a shell.
// The environment and the directory are left out.
func (c Cmd) String() string {
	words := []string{Quote(c.Path)}
	for _, a := range c.Args {
		words = append(words, Quote(a))
	}
	return strings.Join(words, " ")
}

// Decisive picks the line of a command's stderr that decides: the last one that
// has "error:" in it, else the last that is not blank. It is trimmed, and ""
// for an empty stderr.
func Decisive(stderr []byte) string {
	last := ""
	lines := strings.Split(string(stderr), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		l := strings.TrimSpace(lines[i])
		if l == "" {
			continue
		}
		if strings.Contains(strings.ToLower(l), "error:") && !strings.HasSuffix(l, "error:") {
			return l
		}
		if last == "" {
			last = l
		}
	}
	return last
}
