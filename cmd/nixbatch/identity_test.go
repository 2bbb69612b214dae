package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

// counts is a job that leaves a line for each start of its payload.
func counts(name string) string {
	return "name: " + name + "\nenvironment: {nixpkgs: {path: minipkgs}, packages: [archprobe]}\n" +
		"optimize: {arch: generic}\nslurm: {mem: 100M, time: 5, hold: true}\nrun: echo \"$NIXBATCH_ATTEMPT\" >>$NIXBATCH_WORKDIR/ran\n"
}

// over waits until every job of a name is, and returns them by number.
func (s *site) over(name string) map[int64]slurm.Job {
	s.t.Helper()
	out := map[int64]slurm.Job{}
	until(s.t, "the end of all jobs", func() bool {
		jobs, err := (&slurm.Client{Env: s.c.Env()}).Queue(s.t.Context(), slurm.Query{Name: name})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, j := range jobs {
			out[j.ID] = j
			if !j.State.Final() {
				return false
			}
		}
		return len(jobs) > 0
	})
	return out
}

func (s *site) payloads() int {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "ran"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return strings.Count(string(data), "\n")
}

// exited is a job's exit code, as the controller has it.
func (s *site) exited(id int64) string {
	s.t.Helper()
	out, err := exec.Command("env", append([]string{"-i"}, append(s.c.Env(), "scontrol", "show", "job", fmt.Sprint(id))...)...).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), "ExitCode=")
	code, _, _ := strings.Cut(rest, ":")
	return code
}

// A wrapper that submits twice, whatever it says: one of the two runs the
// payload, the record names it, and the other stops by itself.
func TestSubmittedTwice(t *testing.T) {
	t.Parallel()
	const again = `cat >"$SITE/script"; again() { "$REAL" "$@" <"$SITE/script"; }; `
	for _, tc := range []struct{ name, body string }{
		{"second-id", `again "$@" >/dev/null; again "$@"`},
		{"first-id", `again "$@"; again "$@" >/dev/null`},
		{"both-ids", `again "$@"; again "$@"`},
		{"timed-out", `again "$@" >/dev/null; again "$@" >/dev/null; ` + timedOut},
		{"at-once", `again "$@" >/dev/null & again "$@"; wait`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			name := "twice-" + tc.name
			s := newSite(t, name)
			s.write("job.yaml", counts(name), 0o600)
			s.front("sbatch", again+tc.body)
			code, out, diag := s.run("submit", "job.yaml")
			if code != 0 {
				t.Fatalf("exit code %d\n%s%s", code, out, diag)
			}
			s.unfront()
			jobs, err := queued(s.c, name)
			if err != nil || len(jobs) != 2 {
				t.Fatalf("%+v, %v", jobs, err)
			}
			if tc.name == "timed-out" && !strings.Contains(diag, "is a copy, and stops by itself") {
				t.Errorf("said: %s", diag)
			}
			s.scontrol("release", fmt.Sprintf("%d,%d", jobs[0].ID, jobs[1].ID))
			s.over(name)
			r := s.reaches(name, "completed", "")
			if s.payloads() != 1 || !strings.Contains(out, fmt.Sprintf("job %d, run %s", r.JobID, r.RunID)) {
				t.Errorf("%d payloads, run %+v, said %s", s.payloads(), r, out)
			}
			for _, j := range jobs {
				want := map[bool]string{true: "0", false: "121"}[j.ID == r.JobID]
				if code := s.exited(j.ID); code != want {
					t.Errorf("job %d ended with %s, the run is job %d", j.ID, code, r.JobID)
				}
			}
			if all, err := filepath.Glob(filepath.Join(r.Dir, "copies", "*.json")); err != nil || len(all) != 1 {
				t.Errorf("copies %v, %v", all, err)
			}
		})
	}
}

// batch.sh by hand, in Slurm and outside of it, before the run's own job starts:
// each stops with a sentence and an exit code of its own, and the run's job runs.
func TestScriptByHand(t *testing.T) {
	t.Parallel()
	const name = "by-hand"
	s := newSite(t, name)
	s.write("job.yaml", counts(name), 0o600)
	s.must("submit", "job.yaml")
	r := s.state(name)
	script := filepath.Join(r.Dir, "batch.sh")
	outside := exec.Command("/bin/sh", script)
	outside.Dir, outside.Env = s.dir, s.env
	said, err := outside.CombinedOutput()
	if code := outside.ProcessState.ExitCode(); code != 123 || !strings.Contains(string(said), "was submitted to Slurm, and this is no job of Slurm's") {
		t.Errorf("outside of Slurm: %d, %v\n%s", code, err, said)
	}
	hand := exec.Command("sbatch", "--parsable", script)
	hand.Dir, hand.Env = s.dir, s.c.Env()
	id, err := hand.Output()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(id)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s.scontrol("release", fmt.Sprint(n))
	until(t, "the copy's end", func() bool {
		jobs, err := (&slurm.Client{Env: s.c.Env()}).Queue(t.Context(), slurm.Query{IDs: []string{fmt.Sprint(n)}})
		return err == nil && len(jobs) == 1 && jobs[0].State.Final()
	})
	if code := s.exited(n); code != "121" || s.payloads() != 0 {
		t.Errorf("the copy ended with %s, %d payloads", code, s.payloads())
	}
	if now := s.state(name); now.JobID != r.JobID || now.State != "pending" {
		t.Errorf("the run is %+v", now)
	}
	s.scontrol("release", fmt.Sprint(r.JobID))
	s.reaches(name, "completed", "")
	if s.payloads() != 1 {
		t.Errorf("%d payloads", s.payloads())
	}
	// The same job a second time: Slurm never starts it so, a person may.
	again := exec.Command("/bin/sh", script)
	again.Dir, again.Env = s.dir, append(s.env, "SLURM_JOB_ID="+fmt.Sprint(r.JobID), "SLURM_CLUSTER_NAME=testbed")
	said, _ = again.CombinedOutput()
	if code := again.ProcessState.ExitCode(); code != 122 || !strings.Contains(string(said), "attempt 0 of task 0 of run "+r.RunID+" was started before") {
		t.Errorf("a second start: %d\n%s", code, said)
	}
	if s.payloads() != 1 {
		t.Errorf("%d payloads", s.payloads())
	}
}

// A changed comment and name do not make a job gone: it is followed, that is
// said, and it can be cancelled.
func TestChangedJob(t *testing.T) {
	t.Parallel()
	const name = "changed"
	s := newSite(t, name)
	s.must("submit", "job.yaml")
	r := s.state(name) // its submission was seen
	id := fmt.Sprint(r.JobID)
	t.Cleanup(func() { s.slurm("scancel", id) })
	s.scontrol("update", "JobId="+id, "Comment=seen", "JobName=other")
	s.reaches(name, "pending", "its comment and its name were changed")
	if out := s.must("cancel", name); !strings.Contains(out, "job "+id+" of run") {
		t.Error(out)
	}
	s.reaches(name, "cancelled", "its comment and its name were changed")
}

// A clean refusal costs one look, and one more where other jobs of the user came
// at the same time, the places of whose logs are asked for; it leaves nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, "refused")
	s.front("sbatch", `cat >/dev/null; `+noAccount)
	s.front("squeue", `echo >>"$SITE/looks"; exec "$REAL" "$@"`)
	code, out, diag := s.run("submit", "job.yaml")
	if code != 4 || !strings.Contains(diag, "slurm refused the job: Invalid account") {
		t.Errorf("%d\n%s%s", code, out, diag)
	}
	looks, err := os.ReadFile(filepath.Join(s.dir, "looks"))
	if err != nil || len(looks) != 1 && len(looks) != 2 {
		t.Errorf("squeue was asked %d times, %v", len(looks), err)
	}
	s.unfront()
	if all := s.status(); len(all) != 0 {
		t.Errorf("left: %+v", all)
	}
}

// In a shell that speaks to another cluster nothing is judged, written or
// cancelled, also where that has a job of the same number.
func TestAnotherCluster(t *testing.T) {
	t.Parallel()
	s := newSite(t, "away")
	s.must("submit", "job.yaml")
	r := s.state("away")
	other, err := testbed.Start(t.Context(), testbed.Options{Name: "elsewhere", NoNix: true, ExtraConf: fmt.Sprintf("FirstJobId=%d", r.JobID),
		Classes: []testbed.Class{{Name: "n", Nodes: 1, Sockets: 1, Cores: 4, Threads: 1, MemoryMiB: 4000, Features: []string{"x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Stop(); err != nil {
			t.Error(err)
		}
	})
	client := &slurm.Client{Env: other.Env()}
	foreign, err := client.Submit(t.Context(), []byte("#!/bin/sh\ntrue\n"), "--hold", "--output=/dev/null")
	if err != nil || foreign.ID != r.JobID {
		t.Fatalf("%v, %v; want number %d", foreign, err, r.JobID)
	}
	// A further run, of which only the queue of its own cluster can tell.
	s.write("lost.yaml", heldJob("away-lost"), 0o600)
	t.Cleanup(func() { cancelAll(t, s.c, "away-lost") })
	s.front("sbatch", `"$REAL" "$@" >/dev/null; kill -KILL $PPID`)
	s.run("submit", "lost.yaml")
	s.unfront()
	there := *s
	there.env = append(s.env[:len(s.env):len(s.env)], "SLURM_CONF="+other.Vars()["SLURM_CONF"])
	const both = "is on cluster testbed, and this shell speaks to cluster elsewhere"
	for _, tc := range []struct {
		code int
		args []string
	}{
		{4, []string{"cancel", "away"}}, {5, []string{"status", "away"}}, {4, []string{"retry", "away"}}, {5, []string{"why", "away"}},
		{5, []string{"status", "away-lost"}}, {4, []string{"cancel", "away-lost"}}, {4, []string{"retry", "away-lost"}},
	} {
		code, out, diag := there.run(tc.args...)
		if code != tc.code || !strings.Contains(diag, both) || !strings.Contains(diag, "hint: go to a shell of cluster testbed") {
			t.Errorf("%v: exit code %d, want %d\n%s%s", tc.args, code, tc.code, out, diag)
		}
	}
	if jobs, err := client.Queue(t.Context(), slurm.Query{}); err != nil || len(jobs) != 1 || jobs[0].State != slurm.Pending {
		t.Errorf("the other cluster's job: %+v, %v", jobs, err)
	}
	if now := s.state("away"); now.State != "pending" || now.JobID != r.JobID {
		t.Errorf("at home: %+v", now)
	}
	lost := s.reaches("away-lost", "pending", "")
	var sub facts.Submit
	data, err := os.ReadFile(filepath.Join(lost.Dir, "submit.json"))
	if err != nil || json.Unmarshal(data, &sub) != nil || sub.Cluster != "testbed" || sub.JobID == 0 || sub.Submitted.IsZero() {
		t.Errorf("%v\n%s", err, data)
	}
}
