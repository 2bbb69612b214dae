package agent

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// The first build that every node can run is taken, and what differs from the
// plan is noted.
func TestChoose(t *testing.T) {
	for _, tc := range []struct {
		cpus []string
		want string
		note string
	}{
		{[]string{"haswell"}, "haswell", ""},
		{[]string{"znver4"}, "znver4", "the build is znver4, the plan expected haswell on n1"},
		{[]string{"znver4", "haswell"}, "haswell", "n1 has a znver4, the plan expected a haswell"},
		{[]string{"x86-64-v2"}, plan.Generic, "n1 has a x86-64-v2, the plan expected a haswell"},
	} {
		a, f, _ := task(t)
		a.plan.Classes = []plan.Class{{Nodes: "n[1-2]", CPU: "haswell", Build: "haswell", Features: []string{"ib"}}}
		f.env["SLURM_JOB_NUM_NODES"] = map[int]string{1: "1", 2: "2"}[len(tc.cpus)]
		f.seen.CPU = flags(t, tc.cpus[0])
		f.srun = func(c proc.Cmd) (proc.Result, error) {
			if !slices.Contains(c.Args, "--ntasks-per-node=1") || slices.ContainsFunc(c.Env, func(kv string) bool { return strings.HasPrefix(kv, "LD_") }) {
				t.Errorf("%+v", c)
			}
			var b bytes.Buffer
			for i, node := range []string{"n2", "n1"} { // in any order
				s := Seen{Learnt: facts.Learnt{Node: node, CPU: flags(t, tc.cpus[1-i])}}
				if err := writePieces(&b, node, s); err != nil {
					return proc.Result{}, err
				}
			}
			return proc.Result{Stdout: b.Bytes()}, nil
		}
		seen, err := a.look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.choose(seen)
		if err != nil || got.Arch != tc.want || !strings.HasSuffix(got.Env, "/store/"+tc.want) {
			t.Errorf("%v: %+v, %v", tc.cpus, got, err)
		}
		if notes := strings.Join(a.start.Notes, "\n"); tc.note == "" && notes != "" || !strings.Contains(notes, tc.note) {
			t.Errorf("%v: notes %q", tc.cpus, notes)
		}
		if len(seen) != len(tc.cpus) || seen[0].Node != "n1" || !slices.Equal(seen[0].Features, []string{"ib"}) {
			t.Errorf("%v: %+v", tc.cpus, seen)
		}
	}
}

// What stands in the way is said with the flags that lack, and the way out.
func TestNoBuild(t *testing.T) {
	a, f, _ := task(t)
	a.plan.Builds = a.plan.Builds[:1]
	_, err := a.choose([]Seen{f.seen})
	var s *fault.Error
	if !errors.As(err, &s) || !strings.Contains(s.Message, "on n1 (haswell): the znver4 build needs ") || !strings.Contains(s.Message, "avx512f") ||
		!strings.Contains(s.Way, "add generic to optimize.arch") {
		t.Errorf("%+v", err)
	}
	if a.complain(err) != fault.Refused.ExitCode() {
		t.Error("another exit code")
	}
	a, f, _ = task(t)
	if err := os.RemoveAll("store/haswell"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.choose([]Seen{f.seen}); !errors.As(err, &s) || !strings.Contains(s.Message, "the haswell build is not visible on this node") {
		t.Errorf("%+v", err)
	}
}

// A job on several nodes starts nothing unless all of them were seen.
func TestNodesThatAreNotSeen(t *testing.T) {
	for name, tc := range map[string]struct {
		srun func(proc.Cmd) (proc.Result, error)
		want string
	}{
		"srun fails":   {func(proc.Cmd) (proc.Result, error) { return proc.Result{}, exited(1) }, "the CPUs of the 2 nodes could not be looked at"},
		"one is quiet": {func(proc.Cmd) (proc.Result, error) { return proc.Result{Stdout: []byte("n1 e30=\nn1\n")}, nil }, "only 1 of 2 nodes said"},
		"garbage":      {func(proc.Cmd) (proc.Result, error) { return proc.Result{Stdout: []byte("n1 %\n")}, nil }, "what the nodes said of their CPUs"},
	} {
		t.Run(name, func(t *testing.T) {
			a, f, _ := task(t)
			f.env["SLURM_JOB_NUM_NODES"], f.srun = "2", tc.srun
			refuses(t, a, tc.want)
		})
	}
}

// Who makes the attempt's directory runs it.
func TestClaimOnce(t *testing.T) {
	a, f, _ := task(t)
	a.Ticket, f.env["SLURM_ARRAY_TASK_ID"], f.env["SLURM_RESTART_COUNT"] = facts.Ticket{Offset: 1000, Attempt: 2}, "7", "1"
	if err := a.claim(); err != nil || a.task != 1007 || a.attempt != 3 {
		t.Fatalf("task %d, attempt %d, %v", a.task, a.attempt, err)
	}
	if err := a.claim(); err == nil || a.complain(err) != fault.Begun.ExitCode() {
		t.Errorf("a second claim: %v", err)
	}
}

// What is faked is not learnt; what another job has just left is not written
// again.
func TestLearn(t *testing.T) {
	a, f, _ := task(t)
	file := a.Run.Project.Learnt() + "/n1.json"
	f.seen.Override = "/some/cpuinfo"
	if a.learn([]Seen{f.seen}); exists(file) {
		t.Error("a fake was learnt")
	}
	if err := os.MkdirAll(a.Run.Project.Learnt(), 0o700); err != nil {
		t.Fatal(err)
	}
	f.seen.Override, f.seen.Seen = "", f.Now()
	if a.learn([]Seen{f.seen}); !exists(file) {
		t.Fatal("the node's own was not learnt")
	}
	if !learntAlready(a.Run.Project.Learnt(), f.seen.Learnt) {
		t.Error("it would be written again")
	}
	later := f.seen.Learnt
	later.Seen = later.Seen.Add(2 * sameFor)
	if learntAlready(a.Run.Project.Learnt(), later) {
		t.Error("it is never written again")
	}
	evil := f.seen.Learnt
	if evil.Node = "../x"; leave(a.Run.Project.Learnt(), evil) == nil {
		t.Error("a node's name leads elsewhere")
	}
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
