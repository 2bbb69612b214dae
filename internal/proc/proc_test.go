package proc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
)

func sh(script string) proc.Cmd {
	return proc.Cmd{Path: "/bin/sh", Args: []string{"-c", script}}
}

func run(t *testing.T, c proc.Cmd) (proc.Result, *proc.Error) {
	t.Helper()
	res, err := proc.System{}.Run(context.Background(), c)
	if err == nil {
		return res, nil
	}
	var pe *proc.Error
	if !errors.As(err, &pe) {
		t.Fatalf("%T: %v", err, err)
	}
	return res, pe
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	c := sh(`pwd; cat; echo "A=$A HOME=$HOME" >&2`)
	c.Dir, c.Env, c.Stdin, c.Stdout, c.Stderr = dir, []string{"A=1"}, strings.NewReader("in"), &out, &errs
	res, err := run(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if want := dir + "\nin"; string(res.Stdout) != want || out.String() != want {
		t.Errorf("stdout %q, teed %q", res.Stdout, out.String())
	}
	if want := "A=1 HOME=\n"; string(res.Stderr) != want || errs.String() != want {
		t.Errorf("stderr %q, teed %q", res.Stderr, errs.String())
	}
	if res, err := run(t, proc.Cmd{Path: "cat"}); err != nil || len(res.Stdout) != 0 {
		t.Errorf("no stdin is not /dev/null: %q, %v", res.Stdout, err)
	}
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		cmd              proc.Cmd
		exit             int
		signal, decisive string
		message          string
	}{
		"exit code": {sh("echo out; echo first >&2; echo 'error: it broke' >&2; echo after >&2; exit 3"), 3, "", "error: it broke",
			"/bin/sh -c 'echo out; echo first >&2; echo '\\''error: it broke'\\'' >&2; echo after >&2; exit 3': exit code 3: error: it broke"},
		"silent": {sh("exit 1"), 1, "", "", "/bin/sh -c 'exit 1': exit code 1"},
		"signal": {sh("kill -TERM $$"), -1, "terminated", "", "/bin/sh -c 'kill -TERM $$': killed by terminated"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, tc.cmd)
			if err == nil || err.ExitCode != tc.exit || err.Signal != tc.signal || err.Decisive != tc.decisive || err.Error() != tc.message {
				t.Fatalf("%+v\n%v", err, err)
			}
			if proc.NotFound(err) {
				t.Error("it is called not found")
			}
		})
	}
}

// The line of an error can be pasted into a shell.
func TestLineIsPasteable(t *testing.T) {
	c := proc.Cmd{Path: "printf", Args: []string{"%s|", "it's", "$(id)", "a\nb", ""}}
	direct, err := run(t, c)
	if err != nil {
		t.Fatal(err)
	}
	pasted, err := run(t, sh(c.String()))
	if err != nil || !bytes.Equal(direct.Stdout, pasted.Stdout) {
		t.Errorf("%s\ngot  %q\nwant %q (%v)", c, pasted.Stdout, direct.Stdout, err)
	}
}

func TestNotFound(t *testing.T) {
	for _, path := range []string{"no-such-program-here", "/no/such/program"} {
		_, err := run(t, proc.Cmd{Path: path})
		if err == nil || !proc.NotFound(err) || err.ExitCode != -1 || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := proc.Start(context.Background(), proc.Cmd{Path: path}, false); !proc.NotFound(err) {
			t.Errorf("started %s: %v", path, err)
		}
	}
	if p, err := proc.Look("sh"); err != nil || p[0] != '/' {
		t.Errorf("%s, %v", p, err)
	}
}

// ready cancels once the command has said that it is ready.
type ready struct{ cancel context.CancelFunc }

func (r ready) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("ready")) {
		r.cancel()
	}
	return len(p), nil
}

// SIGINT comes first: the command may tidy up, and its own end is reported.
func TestCancelInterruptsFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := sh(`trap 'echo tidy; exit 7' INT; echo ready; while :; do sleep 0.01; done`)
	c.Stdout, c.Grace = ready{cancel}, time.Minute
	res, err := proc.System{}.Run(ctx, c)
	var pe *proc.Error
	if !errors.As(err, &pe) || pe.ExitCode != 7 || !strings.Contains(string(res.Stdout), "tidy") {
		t.Fatalf("%v; printed %q", err, res.Stdout)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not tell that it was cancelled", err)
	}
}

// A command that does not listen is killed after the grace period.
func TestCancelKillsAfterGrace(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := sh(`trap '' INT; echo ready; while :; do sleep 0.01; done`)
	c.Stdout, c.Grace = ready{cancel}, 50*time.Millisecond
	_, err := proc.System{}.Run(ctx, c)
	var pe *proc.Error
	if !errors.As(err, &pe) || pe.Signal != "killed" || pe.ExitCode != -1 || !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	// A deadline is told apart from a cancellation.
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := (proc.System{}).Run(ctx, sh("exec cat /dev/zero >/dev/null")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	// Nothing is started with a context that is over.
	marker := t.TempDir() + "/started"
	if _, err := (proc.System{}).Run(ctx, proc.Cmd{Path: "touch", Args: []string{marker}}); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(marker); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the command ran: %v", err)
	}
}

func TestStart(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := sh(`trap 'exit 5' USR1; ps -o sid= -p $$; echo ready; while :; do sleep 0.01; done`)
	c.Stdout = w
	p, err := proc.Start(context.Background(), c, true)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if p.State() != nil {
		t.Error("it has ended before Wait")
	}
	var sid int
	var word string
	if _, err := fmt.Fscan(r, &sid, &word); err != nil || word != "ready" || sid != p.Pid() {
		t.Errorf("session %d of process %d: %v", sid, p.Pid(), err)
	}
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	var pe *proc.Error
	if err := p.Wait(); !errors.As(err, &pe) || pe.ExitCode != 5 || p.State().ExitCode() != 5 {
		t.Errorf("%v", err)
	}
	p, err = proc.Start(context.Background(), sh("exit 0"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func TestDecisive(t *testing.T) {
	for in, want := range map[string]string{
		"":                                    "",
		"\n \n":                               "",
		"one\ntwo\n":                          "two",
		"a\n  b  \n\n":                        "b",
		"error: x\ny\n":                       "error: x",
		"error: first\nerror: second\nmore\n": "error: second",
		"sbatch: error: Batch job submission failed: Invalid partition name specified\n": "sbatch: error: Batch job submission failed: Invalid partition name specified",
		"error:\n  at x\n": "at x",
		"Error: big\ntail": "Error: big",
	} {
		if got := proc.Decisive([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// A command that ended well and yet failed is not reported as "exit code 0".
func TestExitCodeZeroIsNoReason(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := sh(`trap 'exit 0' INT; echo ready; while :; do sleep 0.01; done`)
	c.Stdout, c.Grace = ready{cancel}, time.Minute
	if _, err := (proc.System{}).Run(ctx, c); !errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), ": context canceled") {
		t.Errorf("cancelled: %v", err)
	}
	// A child left behind keeps the pipe open: the wait for it is bounded.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	c = sh(fmt.Sprintf("cat </proc/%d/fd/%d & exit 0", os.Getpid(), r.Fd()))
	proc.Linger(&c, 50*time.Millisecond)
	if _, err := (proc.System{}).Run(context.Background(), c); !errors.Is(err, exec.ErrWaitDelay) || strings.Contains(err.Error(), "exit code 0") {
		t.Errorf("left behind: %v", err)
	}
}

func TestErrorUnwraps(t *testing.T) {
	_, err := run(t, sh("exit 2"))
	var ee *exec.ExitError
	if !errors.As(err, &ee) {
		t.Errorf("%v holds no *exec.ExitError", err)
	}
	if err := (&proc.Error{Line: "x", ExitCode: -1, Err: io.EOF}).Error(); err != "x: EOF" {
		t.Error(err)
	}
}

// A command in a group of its own is interrupted by the context alone, and so
// is what a script of it runs.
func TestOwnGroup(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := sh(`trap 'exit 7' INT; ps -o pgid= -p $$
		sh -c 'trap "echo told; exit 3" INT; echo ready; while :; do sleep 0.01; done'`)
	c.Stdout, c.Own, c.Grace = ready{cancel}, true, time.Minute
	res, err := proc.System{}.Run(ctx, c)
	var pe *proc.Error
	if !errors.As(err, &pe) || !errors.Is(err, context.Canceled) || pe.ExitCode != 7 {
		t.Errorf("%v", err)
	}
	var group int
	var first, second string
	if _, err := fmt.Sscan(string(res.Stdout), &group, &first, &second); err != nil || group == syscall.Getpgrp() || first != "ready" || second != "told" {
		t.Errorf("group %d, ours is %d: %q, %v", group, syscall.Getpgrp(), res.Stdout, err)
	}
}
