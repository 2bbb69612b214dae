package proc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// parent is what TestFamily runs in a process of its own, so that it owns no
// other test's children: it starts a shell, waits for it, and ends the rest.
func parent() error {
	if err := proc.Adopt(); err != nil {
		return err
	}
	spare, err := proc.Start(context.Background(), sh("exec sleep 1000"), true)
	if err != nil {
		return err
	}
	family := proc.FamilyFromNow()
	// In the background, in another session, deaf to SIGTERM, and all of that.
	p, err := proc.Start(context.Background(), proc.Cmd{Path: "/bin/sh", Stdout: os.Stdout, Args: []string{"-c", `
		sh -c 'echo $$; exec sleep 1000' &
		setsid sh -c 'echo $$; exec sleep 1000' &
		(trap "" TERM; exec sh -c 'echo $$; exec sleep 1000') &
		(trap "" TERM; setsid sh -c 'sh -c "echo \$\$; exec sleep 1000" & exit' ) &
		true`}}, true)
	if err != nil {
		return err
	}
	if err := p.Wait(); err != nil {
		return err
	}
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil { // all four have begun
		return err
	}
	if !family.End(50 * time.Millisecond) {
		return errors.New("something is left")
	}
	if err := spare.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("what it had started before was ended, too: %w", err)
	}
	var pe *proc.Error
	if err := spare.Wait(); !errors.As(err, &pe) || pe.Signal != "killed" {
		return fmt.Errorf("what it had started before: %v", err)
	}
	return nil
}

// beParent ends this process where it was started to be that one.
func beParent() {
	if os.Getenv("NIXBATCH_TEST_PARENT") == "" {
		return
	}
	if err := parent(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// None of a family can leave it, and nobody else is touched.
func TestFamily(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, let, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var diag strings.Builder
	p, err := proc.Start(t.Context(), proc.Cmd{Path: os.Args[0], Env: append(os.Environ(), "NIXBATCH_TEST_PARENT=1"), Stdin: in, Stdout: to, Stderr: &diag}, true)
	to.Close()
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(from)
	var pids []int
	for len(pids) < 4 && lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, n)
	}
	fmt.Fprintln(let)
	if err := p.Wait(); err != nil {
		t.Errorf("%v: %s", err, diag.String())
	}
	if len(pids) != 4 {
		t.Fatalf("%d began", len(pids))
	}
	for _, n := range pids {
		if _, err := proc.Identify(n); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("process %d: %v", n, err)
		}
	}
}

// A signal for a process never reaches another with the same id.
func TestSignalExactly(t *testing.T) {
	p, err := proc.Start(t.Context(), sh("exec sleep 1000"), true)
	if err != nil {
		t.Fatal(err)
	}
	id, err := proc.Identify(p.Pid())
	if err != nil || id.Pid != p.Pid() || id.Started == 0 {
		t.Fatalf("%+v, %v", id, err)
	}
	other := id
	other.Started--
	if err := other.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("another one's: %v", err)
	}
	if now, err := proc.Identify(p.Pid()); err != nil || now != id {
		t.Errorf("%+v, %v", now, err)
	}
	if err := id.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	var pe *proc.Error
	if err := p.Wait(); !errors.As(err, &pe) || pe.Signal != "terminated" {
		t.Errorf("%v", err)
	}
	if err := id.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("one that is over: %v", err)
	}
}
