package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

// Killed at any step that makes something last, submit leaves a directory that
// is no run, or one that tells the truth. strace does the killing: before the
// Nth of these system calls of each thread, until a submit gets through.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	s := newSite(t, "step-0")
	const calls = "mkdirat,symlinkat,linkat,fsync,renameat,renameat2,unlinkat,fchmod"
	for n := 1; ; n++ {
		name := fmt.Sprintf("step-%d", n)
		s.write("job.yaml", heldJob(name), 0o600)
		for _, r := range s.status() {
			if err := os.RemoveAll(r.Dir); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+calls, "-e",
			fmt.Sprintf("inject=%s:signal=KILL:when=%d", calls, n), filepath.Join(s.c.Dir, "bin", "nixbatch"), "submit", "job.yaml")
		cmd.Dir, cmd.Env = s.dir, s.env
		out, err := cmd.CombinedOutput()
		if err == nil {
			s.judge(name, 1)
			if n < 5 {
				t.Errorf("only %d steps were killed", n-1)
			}
			cancelAll(t, s.c, name)
			return
		}
		var ee *exec.ExitError
		if !errors.As(err, &ee) {
			t.Fatal(err)
		}
		if ws := ee.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
			t.Fatalf("step %d: %v\n%s", n, err, out)
		}
		jobs, err := queued(s.c, name)
		if err != nil || len(jobs) > 1 {
			t.Fatalf("step %d: in the queue: %+v, %v", n, jobs, err)
		}
		all := s.status()
		switch {
		case len(all) > 1, len(all) == 0 && len(jobs) > 0:
			t.Errorf("step %d: runs %+v, in the queue %+v", n, all, jobs)
		case len(all) == 0:
		case len(jobs) == 1 && (all[0].JobID != jobs[0].ID || all[0].State != "pending" || !all[0].Submitted),
			len(jobs) == 0 && (all[0].JobID != 0 || all[0].State != "unknown"):
			t.Errorf("step %d: run %+v, in the queue %+v", n, all[0], jobs)
		}
		cancelAll(t, s.c, name)
		if n > 200 {
			t.Fatal("200 steps, and no end")
		}
	}
}

func cancelAll(t *testing.T, c *testbed.Cluster, name string) {
	t.Helper()
	client := &slurm.Client{Env: c.Env()}
	jobs, err := client.Look(context.Background(), slurm.Query{Name: name}, func(slurm.Job) bool { return true })
	if err == nil {
		err = client.Cancel(context.Background(), jobs...)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		cancelled.Store(c.Dir+fmt.Sprint(j.ID()), true)
	}
}

// With the environment built, a submit starts Slurm's programs and no others:
// every execve of it and of its children, as the kernel saw them.
func TestWarmSubmitStartsNoNix(t *testing.T) {
	t.Parallel()
	s := newSite(t, "warm")
	trace := filepath.Join(s.dir, "trace")
	cmd := exec.Command("strace", "-f", "-qq", "-o", trace, "-e", "trace=execve,execveat", "-e", "signal=none",
		filepath.Join(s.c.Dir, "bin", "nixbatch"), "submit", "job.yaml")
	cmd.Dir, cmd.Env = s.dir, s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	started := map[string]int{}
	for _, line := range strings.Split(string(data), "\n") {
		if _, call, ok := strings.Cut(line, "execve(\""); ok && strings.HasSuffix(line, "= 0") {
			path, _, _ := strings.Cut(call, "\"")
			started[filepath.Base(path)]++
		}
	}
	if started["nixbatch"] != 1 || started["sbatch"] != 1 {
		t.Errorf("not the trace of a submit: %v\n%s", started, data)
	}
	for name, n := range started {
		switch name {
		case "nixbatch", "sbatch", "sinfo":
		default:
			t.Errorf("%s was started %d times", name, n)
		}
	}
	s.judge("warm", 1)
}
