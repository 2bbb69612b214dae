package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/slurm"
)

// typed runs nixbatch in a process group of its own, waits until a program that
// stands in front of a real one has written started, and interrupts the group,
// as a terminal does for Ctrl-C.
func (s *site) typed(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	cmd, out, diag := s.cmd(args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := os.Stat(filepath.Join(s.dir, "started")); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		s.t.Error(err)
	}
	s.write("typed", "", 0o600)
	_ = cmd.Wait() // the exit code is looked at
	return cmd.ProcessState.ExitCode(), out.String(), diag.String()
}

// The terminal interrupts all of its processes at the same time; that Slurm's or
// Nix's then fail is not their failure.
func TestInterruptIsNoFailure(t *testing.T) {
	t.Parallel()
	s := newSite(t, "typed")
	for _, program := range []string{"sinfo", "nix-store"} {
		s.front(program, ": >$SITE/started; sleep 1000; exec $REAL \"$@\"")
		if program == "nix-store" { // another environment, which is not built yet
			s.write("job.yaml", strings.Replace(heldJob("typed"), "[archprobe]", "[hello]", 1), 0o600)
		}
		for _, args := range [][]string{{"plan", "job.yaml"}, {"submit", "job.yaml"}, {"submit", "--json", "job.yaml"}} {
			os.Remove(filepath.Join(s.dir, "started"))
			code, out, diag := s.typed(args...)
			want := "nixbatch: interrupted; nothing was submitted\n"
			if args[0] == "plan" {
				want = "nixbatch: interrupted\n"
			}
			if args[len(args)-2] == "--json" {
				want, diag = `"message": "interrupted; nothing was submitted"`, out
			}
			if code != command.Interrupted || !strings.Contains(diag, want) || strings.Contains(diag, "killed") {
				t.Errorf("%s, %v: exit code %d\n%s", program, args, code, diag)
			}
		}
		s.unfront()
	}
	s.write("job.yaml", heldJob("typed"), 0o600)
	if jobs, err := queued(s.c, "typed"); err != nil || len(jobs) != 0 {
		t.Errorf("%+v, %v", jobs, err)
	}
}

// Probes under way when Ctrl-C is typed are cancelled, also the one whose sbatch
// had not answered.
func TestInterruptedProbes(t *testing.T) {
	t.Parallel()
	s := newSite(t, "typed-probe")
	// The jobs wait, so that none answers before the interrupt.
	s.front("sbatch", `: >$SITE/started; until [ -e $SITE/typed ]; do sleep 0.1; done; "$REAL" --hold "$@" | tee -a $SITE/ids`)
	code, out, diag := s.typed("nodes", "--probe")
	if code != command.Interrupted || !strings.Contains(diag, "nixbatch: interrupted\n") || strings.Contains(diag, "no answer in time") {
		t.Errorf("exit code %d\n%s%s", code, out, diag)
	}
	ids, err := os.ReadFile(filepath.Join(s.dir, "ids"))
	if err != nil || len(ids) == 0 {
		t.Fatalf("%q, %v\n%s", ids, err, diag)
	}
	jobs, err := (&slurm.Client{Env: s.c.Env()}).Queue(t.Context(), slurm.Query{IDs: strings.Fields(string(ids))})
	for _, j := range jobs {
		if !j.State.Final() {
			t.Errorf("left in the queue: %+v", j)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
