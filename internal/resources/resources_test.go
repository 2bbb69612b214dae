package resources_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

func options(s string) sbatch.Options {
	var o sbatch.Options
	for _, w := range strings.Fields(s) {
		name, value, _ := strings.Cut(w, "=")
		o = append(o, sbatch.Option{Name: name, Value: value})
	}
	return o
}

// Kinds of nodes, as sinfo describes them.
var (
	plain  = resources.Node{Count: 100, Sockets: 2, Cores: 18, Threads: 1, CPUs: 36}
	smt    = resources.Node{Count: 100, Sockets: 2, Cores: 32, Threads: 2, CPUs: 128}
	asCore = resources.Node{Count: 100, Sockets: 2, Cores: 32, Threads: 2, CPUs: 64} // slurm.conf counts cores
	small  = resources.Node{Count: 2, Sockets: 1, Cores: 4, Threads: 2, CPUs: 8}
	many   = resources.Node{Count: 4000, Sockets: 2, Cores: 64, Threads: 1, CPUs: 128}
)

// What is known before the job runs.
func TestPlan(t *testing.T) {
	for _, c := range []struct {
		options string
		node    resources.Node
		wishes  resources.Wishes
		nodes   [2]int // least and most
		tasks   int
		perNode string
		cpus    int
		threads int
	}{
		{"", plain, resources.Wishes{}, [2]int{1, 1}, 1, "1", 1, 1},
		{"cpus-per-task=4", plain, resources.Wishes{}, [2]int{1, 1}, 1, "1", 4, 4},
		{"nodes=2 ntasks-per-node=16 cpus-per-task=2", plain, resources.Wishes{}, [2]int{2, 2}, 32, "16(x2)", 2, 2},
		{"nodes=2", plain, resources.Wishes{}, [2]int{2, 2}, 2, "1(x2)", 1, 1},
		{"nodes=2 ntasks=2", plain, resources.Wishes{}, [2]int{2, 2}, 2, "1(x2)", 1, 1},
		{"nodes=2 ntasks=5", plain, resources.Wishes{}, [2]int{2, 2}, 5, "", 1, 1},
		{"nodes=1 ntasks=5", plain, resources.Wishes{}, [2]int{1, 1}, 5, "5", 1, 1},
		{"ntasks=5", plain, resources.Wishes{}, [2]int{1, 0}, 5, "", 1, 1},
		{"ntasks=73", plain, resources.Wishes{}, [2]int{3, 0}, 73, "", 1, 1},
		{"ntasks=5 ntasks-per-node=3", plain, resources.Wishes{}, [2]int{2, 0}, 5, "", 1, 1},
		{"ntasks-per-node=3", plain, resources.Wishes{}, [2]int{1, 1}, 3, "3", 1, 1},
		{"nodes=2-4 ntasks-per-node=8", plain, resources.Wishes{}, [2]int{2, 4}, 16, "", 1, 1},
		{"ntasks=8 ntasks-per-socket=2", plain, resources.Wishes{}, [2]int{2, 0}, 8, "", 1, 1},
		{"ntasks=128 ntasks-per-core=1", smt, resources.Wishes{}, [2]int{2, 0}, 128, "", 1, 1},
		{"nodes=1k ntasks-per-node=128", many, resources.Wishes{}, [2]int{1024, 1024}, 131072, "128(x1024)", 1, 1},
		{"nodes=4000 ntasks-per-node=2 cpus-per-task=64", many, resources.Wishes{}, [2]int{4000, 4000}, 8000, "2(x4000)", 64, 64},
		// Hardware threads.
		{"cpus-per-task=4", smt, resources.Wishes{}, [2]int{1, 1}, 1, "1", 4, 2},
		{"cpus-per-task=1", smt, resources.Wishes{}, [2]int{1, 1}, 1, "1", 1, 1},
		{"cpus-per-task=3", smt, resources.Wishes{}, [2]int{1, 1}, 1, "1", 3, 1},                 // CR_CPU, or not known
		{"cpus-per-task=3", smt, resources.Wishes{WholeCores: true}, [2]int{1, 1}, 1, "1", 3, 2}, // CR_Core
		{"cpus-per-task=4 hint=nomultithread", smt, resources.Wishes{}, [2]int{1, 1}, 1, "1", 4, 4},
		{"cpus-per-task=4 hint=multithread", smt, resources.Wishes{}, [2]int{1, 1}, 1, "1", 4, 4},
		{"cpus-per-task=4 threads-per-core=1", smt, resources.Wishes{}, [2]int{1, 1}, 1, "1", 4, 4},
		{"cpus-per-task=4 hint=compute_bound", smt, resources.Wishes{}, [2]int{1, 1}, 1, "1", 4, 2},
		{"cpus-per-task=4", asCore, resources.Wishes{}, [2]int{1, 1}, 1, "1", 4, 4},
		{"cpus-per-task=4", smt, resources.Wishes{PerTask: 2}, [2]int{1, 1}, 1, "1", 4, 2},
		{"cpus-per-task=4 hint=multithread", smt, resources.Wishes{PerTask: 4}, [2]int{1, 1}, 1, "1", 4, 4},
		{"cpus-per-task=4", smt, resources.Wishes{PerTask: 1}, [2]int{1, 1}, 1, "1", 4, 1},
		// GPUs.
		{"nodes=2 ntasks-per-node=4 gpus-per-node=4 cpus-per-gpu=9", plain, resources.Wishes{}, [2]int{2, 2}, 8, "4(x2)", 9, 9},
		{"nodes=1 ntasks=8 gres=gpu:a100:4,shard:1 cpus-per-gpu=8", plain, resources.Wishes{}, [2]int{1, 1}, 8, "8", 4, 4},
		{"ntasks=2 gpus-per-task=2 cpus-per-gpu=3", plain, resources.Wishes{}, [2]int{1, 0}, 2, "", 6, 6},
		{"nodes=1 gpus=a100:3,v100:1 ntasks-per-gpu=2 cpus-per-gpu=4", plain, resources.Wishes{}, [2]int{1, 1}, 8, "8", 2, 2},
		{"nodes=1 gpus=4 gpus-per-task=2", plain, resources.Wishes{}, [2]int{1, 1}, 2, "2", 1, 1},
		{"ntasks=1 tres-per-task=cpu=6,gres/gpu=1", plain, resources.Wishes{}, [2]int{1, 1}, 1, "1", 6, 6},
		{"nodes=1 ntasks=200 overcommit", plain, resources.Wishes{}, [2]int{1, 1}, 200, "200", 1, 1},
	} {
		r, err := resources.FromOptions(options(c.options))
		if err != nil {
			t.Errorf("%s: %v", c.options, err)
			continue
		}
		l, _, err := resources.Plan(r, []resources.Node{c.node}, c.wishes)
		if err != nil {
			t.Errorf("%s: %v", c.options, err)
			continue
		}
		if got := [2]int{l.MinNodes, l.MaxNodes}; got != c.nodes || l.Tasks != c.tasks || l.TasksPerNode != c.perNode || l.CPUsPerTask != c.cpus || l.ThreadsPerTask != c.threads {
			t.Errorf("%s: nodes %v tasks %d by node %q cpus %d threads %d\nwant nodes %v tasks %d by node %q cpus %d threads %d",
				c.options, got, l.Tasks, l.TasksPerNode, l.CPUsPerTask, l.ThreadsPerTask, c.nodes, c.tasks, c.perNode, c.cpus, c.threads)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		options string
		node    resources.Node
		threads int
		want    string // of the message, "" where there is nothing to refuse
	}{
		{"cpus-per-task=2", plain, 4, "threads.per-task is 4, but slurm.cpus-per-task gives a task 2 CPUs"},
		{"cpus-per-task=4", smt, 4, "threads.per-task is 4, but the 4 CPUs of a task are 2 cores"},
		{"cpus-per-task=4 hint=multithread", smt, 4, ""},
		{"nodes=1 ntasks-per-node=4 cpus-per-task=4", small, 0, "4 tasks a node with 4 CPUs each need 16 CPUs, and no node it may use has more than 8"},
		{"nodes=1 ntasks-per-node=4 cpus-per-task=2 hint=nomultithread", small, 0, "has more than 4"},
		{"nodes=1 ntasks-per-node=4 cpus-per-task=4 overcommit", small, 0, ""},
		{"ntasks=8", small, 0, ""},
		{"nodes=1 ntasks=8 cpus-per-task=1", small, 0, ""},
	} {
		r, err := resources.FromOptions(options(c.options))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = resources.Plan(r, []resources.Node{c.node}, resources.Wishes{PerTask: c.threads})
		var re *fault.Error
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.options, err)
		case c.want != "" && (!errors.As(err, &re) || !strings.Contains(re.Message, c.want) || re.Hint() == ""):
			t.Errorf("%s: got %v, want %q and a hint", c.options, err, c.want)
		}
	}
}

func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		options string
		nodes   []resources.Node
		want    string
	}{
		{"nodes=1 ntasks=8", []resources.Node{small}, "tasks share cores"},
		{"nodes=1 ntasks=2 cpus-per-task=20", []resources.Node{{Count: 1, Sockets: 4, Cores: 10, Threads: 1, CPUs: 40}}, "a socket has 10 cores"},
		{"nodes=1 exclusive", []resources.Node{plain}, "slurm.exclusive takes whole nodes of 36 CPUs"},
		{"cpus-per-task=4", []resources.Node{plain, smt}, "a task has 2 or 4 cores"},
		{"ntasks=40", []resources.Node{plain}, "for Slurm to decide"},
	} {
		r, err := resources.FromOptions(options(c.options))
		if err != nil {
			t.Fatal(err)
		}
		_, notes, err := resources.Plan(r, c.nodes, resources.Wishes{Ranks: true})
		if err != nil || !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, c.want) }) {
			t.Errorf("%s: %q, %v; want a note %q", c.options, notes, err, c.want)
		}
	}
}

// What Slurm 22.05.8 set for these options, measured on a cluster of nodes with
// one socket of four cores with two threads, CR_Core.
func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		options, env string
		affinity     int
		want         resources.Layout
		note         string // contained in one
		refused      string
	}{
		{"ntasks=1", "CPUS_ON_NODE=2 JOB_CPUS_PER_NODE=2 JOB_NUM_NODES=1 NTASKS=1 TASKS_PER_NODE=1", 2,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 1, TasksPerNode: "1", CPUsPerTask: 1, CPUsPerThread: 2, ThreadsPerTask: 1}, "", ""},
		{"cpus-per-task=3", "CPUS_PER_TASK=3 JOB_CPUS_PER_NODE=4 JOB_NUM_NODES=1 TASKS_PER_NODE=1", 4,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 1, TasksPerNode: "1", CPUsPerTask: 3, CPUsPerThread: 2, ThreadsPerTask: 2}, "2 threads a task, the plan had 1", ""},
		{"cpus-per-task=4 hint=nomultithread", "CPUS_PER_TASK=4 HINT=nomultithread JOB_CPUS_PER_NODE=4 JOB_NUM_NODES=1 TASKS_PER_NODE=1 THREADS_PER_CORE=1", 4,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 1, TasksPerNode: "1", CPUsPerTask: 4, CPUsPerThread: 1, ThreadsPerTask: 4}, "", ""},
		{"cpus-per-task=4 hint=multithread", "CPUS_PER_TASK=4 HINT=multithread JOB_CPUS_PER_NODE=4 JOB_NUM_NODES=1 NTASKS_PER_CORE=65535 TASKS_PER_NODE=1", 4,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 1, TasksPerNode: "1", CPUsPerTask: 4, CPUsPerThread: 1, ThreadsPerTask: 4}, "", ""},
		// Without tasks asked for, SLURM_TASKS_PER_NODE counts what would fit.
		{"nodes=2 exclusive", "JOB_CPUS_PER_NODE=8(x2) JOB_NUM_NODES=2 TASKS_PER_NODE=8(x2)", 8,
			resources.Layout{MinNodes: 2, MaxNodes: 2, Tasks: 2, TasksPerNode: "1(x2)", CPUsPerTask: 1, CPUsPerThread: 2, ThreadsPerTask: 1}, "", ""},
		{"nodes=2 ntasks-per-node=2 cpus-per-task=2", "CPUS_PER_TASK=2 JOB_CPUS_PER_NODE=4(x2) JOB_NUM_NODES=2 NTASKS=4 NTASKS_PER_NODE=2 TASKS_PER_NODE=2(x2)", 4,
			resources.Layout{MinNodes: 2, MaxNodes: 2, Tasks: 4, TasksPerNode: "2(x2)", CPUsPerTask: 2, CPUsPerThread: 2, ThreadsPerTask: 1}, "", ""},
		{"ntasks=10", "JOB_CPUS_PER_NODE=8,2 JOB_NUM_NODES=2 NTASKS=10 TASKS_PER_NODE=8,2", 8,
			resources.Layout{MinNodes: 2, MaxNodes: 2, Tasks: 10, TasksPerNode: "8,2", CPUsPerTask: 1, CPUsPerThread: 2, ThreadsPerTask: 1}, "share 4 cores", ""},
		// Slurm's list adds up to six.
		{"ntasks=5 ntasks-per-node=3", "JOB_CPUS_PER_NODE=4(x2) JOB_NUM_NODES=2 NTASKS=5 NTASKS_PER_NODE=3 TASKS_PER_NODE=3(x2)", 4,
			resources.Layout{MinNodes: 2, MaxNodes: 2, Tasks: 5, TasksPerNode: "3,2", CPUsPerTask: 1, CPUsPerThread: 2, ThreadsPerTask: 1}, "", ""},
		{"nodes=1 ntasks=6 overcommit", "JOB_CPUS_PER_NODE=1 JOB_NUM_NODES=1 NTASKS=6 OVERCOMMIT=1 TASKS_PER_NODE=6", 1,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 6, TasksPerNode: "6", CPUsPerTask: 1, CPUsPerThread: 2, ThreadsPerTask: 1}, "oversubscribes", ""},
		// The site gave less than the plan counted on.
		{"nodes=1 ntasks=4 cpus-per-task=2 hint=multithread", "JOB_CPUS_PER_NODE=4 JOB_NUM_NODES=1 NTASKS=4 TASKS_PER_NODE=4", 4,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 4, TasksPerNode: "4", CPUsPerTask: 2, CPUsPerThread: 1, ThreadsPerTask: 2}, "", "4 tasks with 2 threads each on a node where the job has 4 CPUs"},
		{"cpus-per-task=8 hint=multithread", "CPUS_PER_TASK=8 JOB_CPUS_PER_NODE=8 JOB_NUM_NODES=1 TASKS_PER_NODE=1", 2,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 1, TasksPerNode: "1", CPUsPerTask: 8, CPUsPerThread: 1, ThreadsPerTask: 8}, "only 2 processors may be used", ""},
		{"nodes=3 ntasks=180", "JOB_CPUS_PER_NODE=72(x2),36 JOB_NUM_NODES=3 NTASKS=180 TASKS_PER_NODE=72(x2),36 CPUS_PER_TASK=1", 72,
			resources.Layout{MinNodes: 3, MaxNodes: 3, Tasks: 180, TasksPerNode: "72(x2),36", CPUsPerTask: 1, CPUsPerThread: 2, ThreadsPerTask: 1}, "share", ""},
		{"ntasks=2 gpus=4 cpus-per-gpu=2", "JOB_CPUS_PER_NODE=8 JOB_NUM_NODES=1 NTASKS=2 TASKS_PER_NODE=2 GPUS=4 CPUS_PER_GPU=2", 8,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 2, TasksPerNode: "2", CPUsPerTask: 4, CPUsPerThread: 2, ThreadsPerTask: 2}, "", ""},
	} {
		env := map[string]string{"SLURM_JOB_ID": "1"}
		for _, w := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(w, "=")
			env["SLURM_"+name] = value
		}
		r, err := resources.FromOptions(options(c.options))
		if err != nil {
			t.Fatal(err)
		}
		// A plan from any nodes will do; refusals are for what the node sees.
		plan, _, err := resources.Plan(r, []resources.Node{{Count: 10, Sockets: 1, Cores: 200, Threads: 2, CPUs: 400}}, resources.Wishes{})
		if err != nil {
			t.Fatal(err)
		}
		node := resources.Node{Count: 2, Sockets: 1, Cores: 4, Threads: 2, CPUs: 8}
		g := resources.Measure(func(n string) string { return env[n] }, c.affinity, plan, r, node, resources.Wishes{})
		if g.Layout != c.want {
			t.Errorf("%s with %s:\n got %+v\nwant %+v", c.options, c.env, g.Layout, c.want)
		}
		notes, over, err := g.Check(plan)
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s with %s: refused %v, want %q", c.options, c.env, err, c.refused)
		}
		if wants := strings.Contains(c.note, "only"); (over != "") != wants {
			t.Errorf("%s with %s: oversubscribed: %q", c.options, c.env, over)
		}
		if c.note != "" && !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, c.note) }) {
			t.Errorf("%s with %s: notes %q, want %q", c.options, c.env, notes, c.note)
		}
	}
}

// Without Slurm the plan holds, and this machine's processors are what there is.
func TestMeasureLocal(t *testing.T) {
	plan := resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 2, TasksPerNode: "2", CPUsPerTask: 2, CPUsPerThread: 1, ThreadsPerTask: 2}
	none := func(string) string { return "" }
	g := resources.Measure(none, 2, plan, resources.Request{}, resources.Node{}, resources.Wishes{})
	if g.Layout != plan {
		t.Errorf("got %+v", g.Layout)
	}
	if notes, over, err := g.Check(plan); err != nil || len(notes) != 1 || notes[0] != over || !strings.Contains(over, "oversubscribes") {
		t.Errorf("notes %q, %v", notes, err)
	}
	if notes, over, err := (resources.Measure(none, 4, plan, resources.Request{}, resources.Node{}, resources.Wishes{})).Check(plan); err != nil || len(notes) != 0 || over != "" {
		t.Errorf("notes %q, %v", notes, err)
	}
}

// Counts and slurm.ExpandCounts are each other's inverse.
func TestCounts(t *testing.T) {
	if got := resources.Counts([]int{72, 72, 36}); got != "72(x2),36" {
		t.Errorf("got %s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 50).Draw(t, "counts")
		back, err := slurm.ExpandCounts(resources.Counts(list))
		if err != nil || !slices.Equal(back, list) {
			t.Fatalf("%v became %v (%v)", list, back, err)
		}
	})
}

// A task never gets more threads than CPUs, and at least one.
func TestCores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cpus, k := rapid.IntRange(1, 1000).Draw(t, "cpus"), rapid.IntRange(1, 8).Draw(t, "threads a core")
		some, whole := resources.Cores(cpus, k, false), resources.Cores(cpus, k, true)
		if some < 1 || some > whole || whole > cpus || whole-some > 1 {
			t.Fatalf("%d CPUs of %d threads: %d to %d cores", cpus, k, some, whole)
		}
	})
}

func BenchmarkPlan(b *testing.B) {
	r, err := resources.FromOptions(options("nodes=4000 ntasks-per-node=128"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := resources.Plan(r, []resources.Node{many, plain, smt}, resources.Wishes{}); err != nil {
			b.Fatal(err)
		}
	}
}
