package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// Wherever a file belongs, a pipe that nobody writes to is refused instead of
// being waited for.
func TestPipesAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, "pipes")
	pipe := filepath.Join(s.dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	job := "environment: {nixpkgs: {path: minipkgs}, packages: [hello]}\nrun: hello\n"
	s.write("input.yaml", "name: x\ninputs: [pipe]\n"+job, 0o600)
	s.write("csv.yaml", "name: x\nsweep: {csv: pipe}\n"+job, 0o600)
	for _, args := range [][]string{{"check", "pipe"}, {"plan", "input.yaml"}, {"plan", "csv.yaml"}, {"record", "verify", "./pipe"}, {"record", "show", "./pipe"},
		{"rerun", "--dir", "again", "./pipe"}, {"cpu", "--file", "pipe"}, {"check", "/dev/zero"}} {
		if code, out, diag := s.run(args...); code != exitUsage && !(code == exitJobFailed && strings.Contains(out, "a pipe")) {
			t.Errorf("%q: exit code %d\n%s%s", args, code, out, diag)
		}
	}
	site := filepath.Join(s.dir, "site", "site.yaml")
	if err := syscall.Mkfifo(site, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, diag := s.run("plan", "job.yaml"); code != exitUsage || !strings.Contains(diag, "is a pipe, not a file") {
		t.Errorf("exit code %d\n%s", code, diag)
	}
}

// opened waits until a process has a file open.
func opened(t *testing.T, pid int, file string) {
	t.Helper()
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		links, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
		for _, l := range links {
			if to, err := os.Readlink(l); err == nil && to == file {
				return
			}
		}
	}
}

// Reading what takes minutes ends when it is told to, and leaves nothing.
func TestInterruptedReading(t *testing.T) {
	t.Parallel()
	s := newSite(t, "reading")
	big := facts.File{Path: "big", Size: 1 << 40, SHA256: digest.Bytes(nil)}
	run := recordtest.Make(t, s.dir, recordtest.Options{Outputs: []facts.File{big}})
	run.Seal(t)
	file := filepath.Join(run.WorkDir, "big")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, 1<<40)); err != nil {
		t.Fatal(err)
	}
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd, out, diag := s.cmd("record", "verify", "--no-store")
		cmd.Dir = run.WorkDir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		opened(t, cmd.Process.Pid, file)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // the exit code is looked at
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || out.String() != "" || diag.String() != "nixbatch: interrupted\n" {
			t.Errorf("%v: exit code %d\n%s%s", sig, code, out, diag)
		}
	}
}

// What is asked and does not listen is left behind; a job on its way into the
// queue is not, until a second signal comes.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := newSite(t, "second")
	s.front("sinfo", "trap '' INT TERM; echo $$ >$SITE/pid; : >$SITE/started; exec 1>&- 2>&-; while :; do sleep 1; done")
	if code, _, diag := s.typed("plan", "job.yaml"); code != exitInterrupted || diag != "nixbatch: interrupted\n" {
		t.Errorf("exit code %d\n%s", code, diag)
	}
	s.unfront()
	os.Remove(filepath.Join(s.dir, "started"))
	s.front("sbatch", "trap '' INT TERM; echo $$ >$SITE/pid; : >$SITE/started; while :; do sleep 1; done")
	cmd, _, _ := s.cmd("submit", "job.yaml")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if _, err := os.Stat(filepath.Join(s.dir, "started")); err == nil {
			break
		}
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	// It goes on. If it ended, it would be after Patience; a bug is seen here on
	// most machines, and never reported where there is none.
	select {
	case err := <-done:
		t.Fatalf("a submission under way was cut short: %v", err)
	case <-time.After(2 * time.Second):
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	var ee *exec.ExitError
	if err := <-done; !errors.As(err, &ee) || ee.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("%v", err)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "pid"))
	pid, perr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err := errors.Join(err, perr); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// With few descriptors there is an error, not the trace of a program.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	s := newSite(t, "few")
	run := recordtest.Make(t, s.dir, recordtest.Options{})
	run.Seal(t)
	failed := 0
	for n := 3; n <= 14; n++ {
		for _, args := range []string{"record verify --no-store " + recordtest.ID, "status", "check ../job.yaml", "plan ../job.yaml"} {
			cmd, out, diag := s.cmd()
			cmd = &exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", "ulimit -n " + strconv.Itoa(n) + "; exec " + cmd.Path + " " + args}, Env: cmd.Env, Dir: run.WorkDir, Stdout: out, Stderr: diag}
			err := cmd.Run()
			text := out.String() + diag.String()
			if strings.Contains(text, "goroutine") || strings.Contains(text, "panic") || strings.Contains(text, "fatal error") || err != nil && text == "" {
				t.Errorf("%d descriptors, %s: %v\n%.600s", n, args, err, text)
			}
			if err != nil {
				failed++
			}
			if code := cmd.ProcessState.ExitCode(); code == exitUsage {
				t.Errorf("%d descriptors, %s: exit code %d, as if the job file were wrong\n%.600s", n, args, code, text)
			}
		}
	}
	if failed == 0 {
		t.Error("nothing failed: the limit limits nothing")
	}
}
