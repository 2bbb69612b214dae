package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// localSite is a directory from which jobs run on this machine.
func localSite(t *testing.T) *site {
	t.Helper()
	c := bed(t)
	s := &site{t: t, c: c, dir: t.TempDir()}
	env, err := place(c, s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "NIXBATCH_CPUINFO=") })
	return s
}

// A payload that does not want to end: processes in the background, in sessions
// of their own, deaf to SIGTERM.
const stubborn = `trap "" TERM
/usr/bin/setsid /bin/sh -c 'echo $$ >>$NIXBATCH_WORKDIR/pids; exec /bin/sleep 1000' &
/bin/sh -c '/bin/sh -c "echo \$\$ >>$NIXBATCH_WORKDIR/pids; exec /bin/sleep 1000" & exit'
echo $$ >>$NIXBATCH_WORKDIR/pids
while [ "$(wc -l <$NIXBATCH_WORKDIR/pids)" -lt 3 ]; do /bin/sleep 0.05; done
echo ready
/bin/sleep 1000
/bin/sleep 1000`

// A payload that ends when it is told to, but has something in the background.
const obedient = `/usr/bin/setsid /bin/sh -c 'echo $$ >>$NIXBATCH_WORKDIR/pids; exec /bin/sleep 1000' &
echo $$ >>$NIXBATCH_WORKDIR/pids
while [ "$(wc -l <$NIXBATCH_WORKDIR/pids)" -lt 2 ]; do /bin/sleep 0.05; done
echo ready
/bin/sleep 1000`

// gone reports whether a process is over.
func gone(pid int) bool {
	_, err := proc.Identify(pid)
	return errors.Is(err, os.ErrNotExist)
}

// However a local run ends, nothing of it is left, and what is said of it is true.
func TestLocalEnds(t *testing.T) {
	t.Parallel()
	none := func(*site, int, proc.Ident, listed) {}
	submitter := func(sig syscall.Signal) func(*site, int, proc.Ident, listed) {
		return func(s *site, pid int, _ proc.Ident, _ listed) {
			if err := syscall.Kill(pid, sig); err != nil {
				s.t.Error(err)
			}
		}
	}
	for _, tc := range []struct {
		name, run string
		end       func(s *site, submit int, agent proc.Ident, run listed)
		code      int // of submit; -1: it was killed
		state     string
		reason    string
	}{
		{"left", `/usr/bin/setsid /bin/sleep 1000 & echo $! >>$NIXBATCH_WORKDIR/pids; echo ready`, none, 0, "completed", ""},
		{"typed", obedient, submitter(syscall.SIGINT), command.Interrupted, "cancelled", "told to end by signal: terminated"},
		{"typed-stubborn", stubborn, submitter(syscall.SIGINT), command.Interrupted, "cancelled", "told to end by signal: terminated"},
		{"submit-killed", stubborn, submitter(syscall.SIGKILL), -1, "cancelled", "told to end by signal: terminated"},
		{"agent-killed", stubborn, func(s *site, _ int, agent proc.Ident, _ listed) {
			if err := agent.Signal(syscall.SIGKILL); err != nil {
				s.t.Error(err)
			}
		}, command.JobFailed, "failed", "its agent was killed by signal: killed; what it had started was ended"},
		{"cancelled", obedient, func(s *site, _ int, _ proc.Ident, r listed) {
			if out := s.must("cancel", r.RunID); !strings.Contains(out, "run "+r.RunID+" is told to end") {
				s.t.Errorf("cancel: %s", out)
			}
		}, command.JobFailed, "cancelled", "by nixbatch cancel"},
		{"cancelled-twice", stubborn, func(s *site, _ int, _ proc.Ident, r listed) {
			s.must("cancel", r.RunID)
			s.must("cancel", r.RunID)
		}, command.JobFailed, "cancelled", "by nixbatch cancel"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := localSite(t)
			s.job(tc.name, "time: 5", "", tc.run)
			cmd, out, diag := s.cmd("submit", "--local", tc.name+".yaml")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waited := make(chan error, 1)
			go func() { waited <- cmd.Wait() }()
			r := s.ready(tc.name)
			agent := s.agentOf(r)
			tc.end(s, cmd.Process.Pid, agent, r)
			select {
			case <-waited:
			case <-time.After(2 * time.Minute):
				t.Fatal("submit does not end")
			}
			if code := cmd.ProcessState.ExitCode(); code != tc.code {
				t.Errorf("exit code %d\n%s%s", code, out, diag)
			}
			if tc.code >= 0 && !strings.Contains(out.String(), tc.state) {
				t.Errorf("it said:\n%s%s", out, diag)
			}
			s.nothingLeft(agent.Pid)
			if now := s.state(tc.name); now.State != tc.state || now.Reason != tc.reason {
				t.Errorf("%s (%s)", now.State, now.Reason)
			}
			if out := s.must("cancel", r.RunID); !strings.Contains(out, "is over already: "+tc.state) {
				t.Errorf("cancel afterwards: %s", out)
			}
			if code, out, diag := s.run("record", "verify", r.RunID); code != 0 {
				t.Errorf("verify: %d\n%s%s", code, out, diag)
			}
		})
	}
}

// ready waits until the payload has said so, and returns its run.
func (s *site) ready(name string) listed {
	s.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for ; time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		logs, _ := filepath.Glob(filepath.Join(s.dir, ".nixbatch", "runs", name+"-*", "logs", "0.log"))
		if len(logs) != 1 {
			continue
		}
		if data, err := os.ReadFile(logs[0]); err == nil && strings.Contains(string(data), "ready\n") {
			return s.state(name)
		}
	}
	s.t.Fatal("the payload does not get ready")
	return listed{}
}

// agentOf is the process that its lock names; none once it is over.
func (s *site) agentOf(r listed) proc.Ident {
	s.t.Helper()
	data, err := os.ReadFile(rundir.Run{Dir: r.Dir}.AliveFile(0, 0))
	var a rundir.Alive
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Ident
}

// nothingLeft waits until the agent and what the payload had started are over.
func (s *site) nothingLeft(agent int) {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "pids"))
	if err != nil {
		s.t.Fatal(err)
	}
	pids := []int{agent}
	for _, l := range strings.Fields(string(data)) {
		n, err := strconv.Atoi(l)
		if err != nil {
			s.t.Fatal(err)
		}
		pids = append(pids, n)
	}
	deadline := time.Now().Add(time.Minute)
	for _, pid := range pids {
		for !gone(pid) {
			if time.Now().After(deadline) {
				s.t.Errorf("process %d of %v is left", pid, pids)
				_ = syscall.Kill(pid, syscall.SIGKILL) // not to be left to others
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// A lock that says something else than who holds it is no reason to end anybody.
func TestLocalCancelsNobodyElse(t *testing.T) {
	t.Parallel()
	s := localSite(t)
	s.job("named", "time: 5", "", "echo ready")
	s.must("submit", "--local", "named.yaml")
	r := s.state("named")
	other, err := proc.Start(t.Context(), proc.Cmd{Path: "sleep", Args: []string{"1000"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Signal(syscall.SIGKILL); _ = other.Wait() }()
	id, err := proc.Identify(other.Pid())
	if err != nil {
		t.Fatal(err)
	}
	run := rundir.Run{Dir: r.Dir}
	for _, f := range []string{run.EndFile(0, 0), run.SealFile(), filepath.Join(r.Dir, "final.json")} {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	// It looks like one that runs: somebody holds its lock.
	hold, err := rundir.HoldAlive(run.AliveFile(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	a := rundir.Alive{Ident: id, Boot: "another"}
	later := a
	later.Boot = boot(t)
	later.Started++
	for _, a := range []rundir.Alive{a, later} {
		data, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(run.AliveFile(0, 0), data, 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, diag := s.run("cancel", r.RunID)
		if code != command.Usage || !strings.Contains(diag, "cannot be cancelled from here") || !strings.Contains(diag, "hint: ") {
			t.Errorf("exit code %d\n%s%s", code, out, diag)
		}
	}
	if now, err := proc.Identify(other.Pid()); err != nil || now != id {
		t.Errorf("%+v, %v", now, err)
	}
	if files, _ := filepath.Glob(filepath.Join(r.Dir, "cancel*.json")); len(files) > 0 {
		t.Errorf("written down: %v", files)
	}
}

func boot(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}
