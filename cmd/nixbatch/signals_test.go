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

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// deaf stands in front of a program, says that it was reached, answers nothing,
// and does not end when it is told to.
const deaf = `trap '' INT TERM HUP; echo $$ >>$SITE/pids; : >$SITE/started; while :; do sleep 1; done`

var ending = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}

// starts starts nixbatch in a session of its own, which has no terminal.
func (s *site) starts(dir string, args ...string) (cmd *exec.Cmd, out, diag printed) {
	s.t.Helper()
	cmd, out, diag = s.cmd(args...)
	cmd.Dir = dir
	// What Slurm said is remembered there for all commands of three seconds.
	cmd.Env = append(cmd.Env, "XDG_STATE_HOME="+s.t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return cmd, out, diag
}

// awaits waits until a command that runs is where it should be. One that ended
// before, or does not get there, or does not end when it is told to, is a failure
// after a time that is far more than enough.
func (s *site) awaits(cmd *exec.Cmd, diag printed, there func() bool) {
	s.t.Helper()
	deadline := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	s.t.Cleanup(func() { deadline.Stop() })
	for tick := time.NewTicker(5 * time.Millisecond); !there(); <-tick.C {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "stat"))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			s.t.Fatalf("it ended before it was told to: %v\n%s", cmd.Args, diag)
		}
	}
}

// A signal ends every command, though what it asks never answers and does not
// end; a second one, at once, what would not end with the first.
func TestSignalsEndCommands(t *testing.T) {
	t.Parallel()
	s := newSite(t, "signals")
	s.must("submit", "job.yaml")
	s.write("waited.yaml", heldJob("signals-waited"), 0o600)
	t.Cleanup(func() { cancelAll(t, s.c, "signals-waited") })
	t.Cleanup(func() {
		data, _ := os.ReadFile(filepath.Join(s.dir, "pids"))
		for _, line := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(line); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	for n, tc := range []struct {
		program string // the deaf one
		args    []string
		held    bool // the first signal alone need not end it
	}{
		{"squeue", []string{"logs", "--follow", "signals"}, false},
		{"squeue", []string{"status"}, false},
		{"squeue", []string{"status", "-w"}, false},
		{"squeue", []string{"gc", "--dry-run"}, false},
		{"squeue", []string{"submit", "--wait", "--again", "waited.yaml"}, false},
		{"squeue", []string{"why", "signals"}, false},
		{"squeue", []string{"cancel", "signals"}, false},
		{"squeue", []string{"retry", "signals"}, false},
		{"squeue", []string{"record", "show", "signals"}, false},
		{"squeue", []string{"record", "seal", "signals"}, false},
		{"sinfo", []string{"nodes"}, false},
		{"sbatch", []string{"nodes", "--probe"}, true},
	} {
		s.unfront()
		s.front(tc.program, deaf)
		for i, sig := range []syscall.Signal{syscall.SIGINT, ending[n%len(ending)]} {
			cmd, out, diag := s.starts(s.dir, tc.args...)
			s.awaits(cmd, diag, func() bool { return os.Remove(filepath.Join(s.dir, "started")) == nil })
			twice := tc.held || i == 0
			if err := cmd.Process.Signal(sig); err != nil {
				t.Error(err)
			}
			if twice {
				if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
					t.Error(err)
				}
			}
			code := exit(t, cmd)
			if code != command.Interrupted && !(twice && code == -int(sig)) || strings.Contains(diag.String(), "goroutine") {
				t.Errorf("%v, %v: exit code %d\n%s%s", tc.args, sig, code, out, diag)
			}
		}
	}
}

// opened reports whether a process has a file open whose name begins so.
func opened(pid int, name string) bool {
	links, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, name) {
			return true
		}
	}
	return false
}

// Exporting and verifying what takes minutes to read ends when it is told to, and
// leaves nothing.
func TestSignalsWhileReading(t *testing.T) {
	t.Parallel()
	s := newSite(t, "signals-reading")
	// Empty space that is read for minutes, and not written: its hash is another.
	const size = 64 << 20
	var outs []facts.File
	for i := range 2000 {
		outs = append(outs, facts.File{Path: "big-" + strconv.Itoa(i), Size: size, SHA256: digest.Bytes(nil)})
	}
	run := recordtest.Make(t, s.dir, recordtest.Options{Outputs: outs})
	run.Seal(t)
	file := filepath.Join(run.WorkDir, outs[0].Path)
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, size)); err != nil {
		t.Fatal(err)
	}
	for _, o := range outs[1:] {
		if err := os.Link(file, filepath.Join(run.WorkDir, o.Path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"record", "verify", "--no-store"}, {"record", "export", "-o", "out.zip"}, {"record", "export", "--redact", "-o", "out"}} {
		for _, sig := range ending {
			cmd, out, diag := s.starts(run.WorkDir, args...)
			s.awaits(cmd, diag, func() bool { return opened(cmd.Process.Pid, filepath.Join(run.WorkDir, "big-")) })
			if err := cmd.Process.Signal(sig); err != nil {
				t.Error(err)
			}
			if code := exit(t, cmd); code != command.Interrupted || out.String() != "" || diag.String() != "nixbatch: interrupted\n" {
				t.Errorf("%v, %v: exit code %d\n%s%s", args, sig, code, out, diag)
			}
		}
	}
	left, err := filepath.Glob(filepath.Join(run.WorkDir, "*out*"))
	hidden, herr := filepath.Glob(filepath.Join(run.WorkDir, ".nixbatch-export-*"))
	if err := errors.Join(err, herr); err != nil || len(left)+len(hidden) != 1 { // water.out
		t.Errorf("%v: %v %v", err, left, hidden)
	}
}
