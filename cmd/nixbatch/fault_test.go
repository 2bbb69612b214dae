package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// site is a directory with a job file, from which a program is run with what
// stands in front of the real ones.
type site struct {
	t   *testing.T
	c   *testbed.Cluster
	dir string
	env []string
	bin string // "" is the cluster's own
}

// newSite makes one whose job, held in the queue, is called name. Its build is
// ready, so that only what is tested can go wrong.
func newSite(t *testing.T, name string) *site {
	t.Helper()
	c := bed(t)
	s := &site{t: t, c: c, dir: t.TempDir()}
	env, err := place(c, s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.env = append(env, "PATH="+filepath.Join(s.dir, "front")+":"+filepath.Join(c.Dir, "bin")+":"+os.Getenv("PATH"))
	s.write("job.yaml", heldJob(name), 0o600)
	if code, _, stderr := s.run("build", "job.yaml"); code != 0 {
		t.Fatalf("build: exit code %d\n%s", code, stderr)
	}
	t.Cleanup(func() { cancelAll(t, c, name) })
	return s
}

func heldJob(name string) string {
	return "name: " + name + "\nenvironment: {nixpkgs: {path: minipkgs}, packages: [archprobe]}\n" +
		"optimize: {arch: generic}\nslurm: {mem: 100M, time: 60, hold: true}\nrun: archprobe\n"
}

func (s *site) write(name, text string, mode os.FileMode) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

// front puts a shell script in front of a program; in it $REAL is that one and
// $SITE the site's directory.
func (s *site) front(program, body string) {
	s.t.Helper()
	if program == "sinfo" { // what it said is remembered
		os.Remove(filepath.Join(s.dir, ".nixbatch", "inventory.json"))
	}
	real, err := exec.LookPath(program)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(filepath.Join("front", program),
		fmt.Sprintf("#!/bin/sh\nREAL=%s SITE=%s\n%s\n", proc.Quote(real), proc.Quote(s.dir), body), 0o700)
}

func (s *site) unfront() { os.RemoveAll(filepath.Join(s.dir, "front")) }

func (s *site) cmd(args ...string) (cmd *exec.Cmd, out, diag printed) {
	s.t.Helper()
	bin := s.bin
	if bin == "" {
		bin = filepath.Join(s.c.Dir, "bin", "nixbatch")
	}
	cmd = exec.Command(bin, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, diag = s.printed(), s.printed()
	cmd.Stdout, cmd.Stderr = out.File, diag.File
	return cmd, out, diag
}

func (s *site) run(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	cmd, out, diag := s.cmd(args...)
	err := cmd.Run()
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), diag.String()
}

type listed struct {
	RunID     string `json:"run_id"`
	Dir       string `json:"run_dir"`
	JobID     int64  `json:"job_id"`
	State     string `json:"state"`
	Reason    string `json:"reason"`
	Submitted bool   `json:"submitted"`
}

func (s *site) status() []listed {
	s.t.Helper()
	code, out, diag := s.run("status", "--json")
	var doc struct{ Runs []listed }
	if err := json.Unmarshal([]byte(out), &doc); code != 0 || err != nil {
		s.t.Fatalf("status: exit code %d, %v\n%s%s", code, err, out, diag)
	}
	return doc.Runs
}

// judge compares what nixbatch says of the run with what the real queue has:
// want jobs, one or none.
func (s *site) judge(name string, want int) {
	s.t.Helper()
	jobs, err := queued(s.c, name)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(jobs) != want {
		s.t.Fatalf("the queue has %+v, want %d jobs", jobs, want)
	}
	all := s.status()
	if len(all) != 1 {
		s.t.Fatalf("runs: %+v", all)
	}
	r := all[0]
	if want == 1 && (r.JobID != jobs[0].ID || r.State != "pending" || !r.Submitted) {
		s.t.Errorf("run %+v, in the queue as %+v", r, jobs[0])
	}
	if want == 0 && (r.JobID != 0 || r.State != "unknown") {
		s.t.Errorf("run %+v, not in the queue", r)
	}
}

const noAccount = `echo "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified" >&2; exit 1`

const timedOut = `echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1`

// An sbatch that misbehaves leaves exactly one job or none, and a state that
// says which; never two, and none that is taken for submitted.
func TestSbatchFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body string
		code, jobs int
	}{
		{"banner", `echo "*** welcome ***"; echo 42 jobs; "$REAL" "$@"; echo; echo bye`, 0, 1},
		{"number-after", `"$REAL" "$@"; echo 42`, 0, 1},
		{"cut-off", `id=$("$REAL" "$@"); printf %s "${id%?}"`, 0, 1},
		{"on-stderr", `"$REAL" "$@" >&2`, 0, 1},
		{"id-without-job", `cat >/dev/null; echo 4711; echo`, 4, 0},
		{"refused-yet-taken", `"$REAL" "$@" >/dev/null; ` + noAccount, 0, 1},
		{"warning", `echo "sbatch: warning: be nice" >&2; exec "$REAL" "$@"`, 0, 1},
		{"silent-taken", `exec "$REAL" "$@" >/dev/null`, 0, 1},
		{"silent-not-taken", `cat >/dev/null`, 4, 0},
		{"dies-before", `exit 1`, 4, 0},
		{"dies-after", `"$REAL" "$@" >/dev/null; exit 1`, 0, 1},
		{"killed-before", `kill -KILL $$`, 4, 0},
		{"killed-after", `"$REAL" "$@"; kill -KILL $$`, 0, 1},
		{"half-an-id", `"$REAL" "$@" >/dev/null; printf 1x; exit 3`, 0, 1},
		{"timed-out-taken", `"$REAL" "$@" >/dev/null; ` + timedOut, 0, 1},
		{"timed-out-not-taken", timedOut, 4, 0},
		{"timed-out-retried", `echo "sbatch: error: slurm_persist_conn_open: retrying" >&2; exec "$REAL" "$@"`, 0, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			name := "fault-" + tc.name
			s := newSite(t, name)
			s.front("sbatch", tc.body)
			code, out, diag := s.run("submit", "job.yaml")
			if code != tc.code {
				t.Fatalf("exit code %d, want %d\n%s%s", code, tc.code, out, diag)
			}
			s.unfront()
			s.judge(name, tc.jobs)
			if tc.jobs == 0 && (!strings.Contains(diag, "nixbatch: slurm did not take the job") || s.status()[0].Submitted) {
				t.Errorf("said: %s\n%+v", diag, s.status())
			}
		})
	}
}

// pausing is a front program that says where it is, and goes on when told; told
// anything else, as at the end of the test, it ends.
const pausing = `: >"$SITE/reached"; read go <"$SITE/gate"; [ "$go" = go ] || exit 1`

// pause starts nixbatch and returns once a front program has been reached.
func (s *site) pause(args ...string) (cmd *exec.Cmd, stderr printed) {
	s.t.Helper()
	gate := filepath.Join(s.dir, "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		s.t.Fatal(err)
	}
	cmd, _, diag := s.cmd(args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		s.say("end") // to one in a group of its own
	})
	until(s.t, "the pause", func() bool {
		_, err := os.Stat(filepath.Join(s.dir, "reached"))
		return err == nil
	})
	return cmd, diag
}

// release lets the paused program go on.
func (s *site) release() {
	s.t.Helper()
	s.say("go")
}

// say writes a word to the gate. What one who waits there has not read yet stays
// when the writer closes it.
func (s *site) say(word string) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.dir, "gate"), os.O_RDWR, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(word + "\n"); err != nil {
		s.t.Fatal(err)
	}
}

// patience is how long something is waited for that has to come: far longer than
// it takes on a machine that is slow and busy. It ends the wait for what never
// comes, and says nothing about speed.
const patience = 15 * time.Minute

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	if !comes(50*time.Millisecond, done) {
		t.Fatalf("%s did not come within %s", what, patience)
	}
}

// comes asks until something is so; false where it does not come. Between two
// questions it leaves the processors, for as long as the one before took, to what
// is waited for.
func comes(least time.Duration, so func() bool) bool {
	for begun := time.Now(); time.Since(begun) < patience; {
		asked := time.Now()
		if so() {
			return true
		}
		time.Sleep(max(least, time.Since(asked)))
	}
	return false
}

// exit waits for the end and returns the exit code, or minus the signal.
func exit(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	err := cmd.Wait()
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		t.Fatal(err)
	}
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		return -int(ws.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// Before the run directory exists, an interrupt leaves nothing at all.
func TestInterruptWhilePreparing(t *testing.T) {
	t.Parallel()
	for _, phase := range []struct{ name, program, body string }{
		{"asking-slurm", "sinfo", pausing},
		{"evaluating", "nix-instantiate", pausing},
		{"building", "nix-store", `case "$*" in *--realise*) ` + pausing + `;; esac; exec "$REAL" "$@"`},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
			t.Run(fmt.Sprintf("%s/%d", phase.name, sig), func(t *testing.T) {
				t.Parallel()
				name := fmt.Sprintf("prep-%s-%d", phase.name, sig)
				s := newSite(t, name)
				// Another program, so that there is something to evaluate and build.
				s.write("minipkgs/pkgs/archprobe/src/extra.c", "/* "+s.dir+" */\n", 0o600)
				s.front(phase.program, phase.body)
				cmd, diag := s.pause("submit", "job.yaml")
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				want := 130
				if sig == syscall.SIGKILL {
					want = -int(sig)
				}
				if code := exit(t, cmd); code != want {
					t.Errorf("exit code %d, want %d\n%s", code, want, diag)
				}
				s.unfront()
				entries, err := os.ReadDir(filepath.Join(s.dir, ".nixbatch", "runs"))
				if err != nil || len(entries) > 0 {
					t.Errorf("left: %v, %v", entries, err)
				}
				if jobs, err := queued(s.c, name); err != nil || len(jobs) > 0 {
					t.Errorf("in the queue: %+v, %v", jobs, err)
				}
				if all := s.status(); len(all) > 0 {
					t.Errorf("runs: %+v", all)
				}
			})
		}
	}
}

// While sbatch runs, the job may or may not be taken: what is on disk says so,
// and finds out later.
func TestInterruptWhileSubmitting(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body  string
		sig         syscall.Signal
		group       bool // to all of the foreground, as Ctrl-C does
		code        int
		jobs, later int // in the queue at the end, and once sbatch went on
	}{
		// Told to end, nixbatch waits for sbatch's answer and writes it down.
		{"before-int", pausing + `; exec "$REAL" "$@"`, syscall.SIGINT, false, 130, 1, 1},
		{"before-term", pausing + `; exec "$REAL" "$@"`, syscall.SIGTERM, false, 130, 1, 1},
		{"after-int", `"$REAL" "$@"; ` + pausing, syscall.SIGINT, false, 130, 1, 1},
		// Ctrl-C ends sbatch too: then the queue is asked.
		{"before-ctrl-c", pausing + `; exec "$REAL" "$@"`, syscall.SIGINT, true, 130, 0, 0},
		{"after-ctrl-c", `"$REAL" "$@" >/dev/null; ` + pausing, syscall.SIGINT, true, 130, 1, 1},
		// Killed, nixbatch can say nothing; sbatch goes on without it.
		{"before-kill", pausing + `; exec "$REAL" "$@"`, syscall.SIGKILL, false, -9, 0, 1},
		{"after-kill", `"$REAL" "$@"; ` + pausing, syscall.SIGKILL, false, -9, 1, 1},
		{"all-killed", pausing + `; exec "$REAL" "$@"`, syscall.SIGKILL, true, -9, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			name := "sub-" + tc.name
			s := newSite(t, name)
			s.front("sbatch", tc.body)
			cmd, diag := s.pause("submit", "job.yaml")
			pid := cmd.Process.Pid
			if tc.group {
				pid = -pid
			}
			if err := syscall.Kill(pid, tc.sig); err != nil {
				t.Fatal(err)
			}
			if tc.sig != syscall.SIGKILL && !tc.group {
				s.release()
			}
			if code := exit(t, cmd); code != tc.code {
				t.Errorf("exit code %d, want %d\n%s", code, tc.code, diag)
			}
			if tc.sig != syscall.SIGKILL || tc.group {
				s.judge(name, tc.jobs)
				return
			}
			// While its sbatch lives, nobody knows: nothing is claimed.
			if jobs, err := queued(s.c, name); err != nil || len(jobs) != tc.jobs {
				t.Errorf("in the queue: %+v, %v", jobs, err)
			}
			if all := s.status(); len(all) != 1 || all[0].State != "unknown" || all[0].JobID != 0 || !all[0].Submitted {
				t.Errorf("runs %+v", all)
			}
			s.release()
			until(t, "the job", func() bool { return s.status()[0].State == "pending" })
			s.judge(name, tc.later)
		})
	}
}

// Waiting is only watching: the job goes on without the one who waits.
func TestInterruptWhileWaiting(t *testing.T) {
	t.Parallel()
	s := newSite(t, "watched")
	s.front("squeue", pausing+`; exec "$REAL" "$@"`)
	cmd, diag := s.pause("submit", "--wait", "job.yaml")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := exit(t, cmd); code != 130 || !strings.Contains(diag.String(), "no longer waiting; job ") {
		t.Errorf("exit code %d\n%s", code, diag)
	}
	s.unfront()
	s.judge("watched", 1)
}
