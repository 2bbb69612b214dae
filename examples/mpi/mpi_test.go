// Package mpi_test runs MPI jobs the way a user does: the real program, a real
// Slurm, real Nix, Debian's Open MPI. It shows that the numbers of the plan are
// those of the script, of the launcher's command line, of every rank and of the
// record, whatever the environment of the caller says.
package mpi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/launch"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

var built struct {
	sync.Once
	err error
}

// site is a cluster, and a directory with the package set and a place for jobs.
type site struct {
	cluster  *testbed.Cluster
	nixbatch string
	dir      string
	prefix   string // of the directory of a job
	env      []string
}

func newSite(t *testing.T, c *testbed.Cluster) *site {
	t.Helper()
	s := &site{cluster: c, nixbatch: filepath.Join(testbed.ForTest(t).Dir, "bin", "nixbatch"), dir: t.TempDir(), prefix: "job", env: c.Env()}
	built.Do(func() {
		_, built.err = proc.System{}.Run(t.Context(), proc.Cmd{Path: "go", Args: []string{"build", "-buildvcs=false", "-o", s.nixbatch, "../../cmd/nixbatch"}})
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	if err := os.CopyFS(filepath.Join(s.dir, "minipkgs"), os.DirFS("../minipkgs")); err != nil {
		t.Fatal(err)
	}
	return s
}

// set replaces a variable of the caller's environment.
func (s *site) set(name, value string) {
	s.env = append(slices.DeleteFunc(s.env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") }), name+"="+value)
}

// poison fills the caller's environment with what breaks jobs elsewhere.
func (s *site) poison() {
	for name, value := range map[string]string{
		"SLURM_CPU_BIND": "map_cpu:0", "SLURM_HINT": "multithread", "SLURM_NTASKS": "7", "SLURM_DISTRIBUTION": "cyclic",
		"SBATCH_PARTITION": "nowhere", "SBATCH_EXCLUSIVE": "1", "SRUN_CPUS_PER_TASK": "77", "SLURM_MPI_TYPE": "none",
		"OMP_NUM_THREADS": "99", "OMP_PLACES": "sockets", "OMP_PROC_BIND": "true", "MKL_NUM_THREADS": "98", "GOMP_CPU_AFFINITY": "0",
		"LD_LIBRARY_PATH": "/nonexistent/of/the/caller", "PYTHONPATH": "/nonexistent/python", "OMPI_MCA_btl": "nonsense", "PMIX_RANK": "5",
	} {
		s.set(name, value)
	}
}

// job is a run that has ended.
type job struct {
	dir   string
	state string
	log   string
	plan  plan.Plan
	start facts.Start
	facts []launch.Fact
}

// asRoot is what Open MPI wants of a job of root's; btl, that ranks on two
// nodes of one machine do not take each other for neighbours in memory; the last
// two, that ranks and threads which wait leave the processor to others, of whom
// there are more here than processors.
const asRoot = `env: {OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1", OMPI_MCA_btl: "self,tcp", OMPI_MCA_btl_tcp_if_include: lo,
  OMPI_MCA_mpi_yield_when_idle: "1", OMP_WAIT_POLICY: passive}`

// run submits a job and waits for its end. slurm, threads and launcher are
// blocks of the job file, lines the run: block.
func (s *site) run(t *testing.T, blocks, lines string, args ...string) job {
	t.Helper()
	dir, err := os.MkdirTemp(s.dir, s.prefix)
	if err != nil {
		t.Fatal(err)
	}
	text := "name: ranks\nenvironment:\n  nixpkgs: {path: ../minipkgs}\n  packages: [mpiprobe, greedy, openmpi]\n" + blocks + "\n" + asRoot + "\nrun: |\n"
	for _, l := range strings.Split(lines, "\n") {
		text += "  " + l + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "job.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(args, "--local") {
		args = append(args, "--wait")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	res, err := proc.System{}.Run(ctx, proc.Cmd{Path: s.nixbatch, Args: append([]string{"submit", "--json", "job.yaml"}, args...), Dir: dir, Env: s.env})
	var out struct {
		Dir   string `json:"run_dir"`
		State string `json:"state"`
	}
	if jerr := json.Unmarshal(res.Stdout, &out); jerr != nil || out.Dir == "" {
		t.Fatalf("submit: %v\n%s%s\n%s", err, res.Stdout, res.Stderr, text)
	}
	j := job{dir: out.Dir, state: out.State}
	log, err := os.ReadFile(filepath.Join(j.dir, "logs", "0.log"))
	if err != nil {
		t.Fatal(err)
	}
	j.log = string(log)
	attempt := filepath.Join(j.dir, "tasks", "0-999", "0", "attempt-0")
	for path, to := range map[string]any{filepath.Join(j.dir, "plan.json"): &j.plan, filepath.Join(attempt, "start.json"): &j.start} {
		if err := durable.Read(path, to); err != nil {
			t.Fatalf("%v\nlog: %s", err, j.log)
		}
	}
	facts, err := filepath.Glob(filepath.Join(attempt, "launch-0*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		var fact launch.Fact
		if err := durable.Read(f, &fact); err != nil {
			t.Fatal(err)
		}
		j.facts = append(j.facts, fact)
	}
	return j
}

// ranks is the lines that mpiprobe printed, by rank.
func (j job) ranks(t *testing.T) []string {
	t.Helper()
	lines := regexp.MustCompile(`(?m)^rank \d+ of .*$`).FindAllString(j.log, -1)
	if j.state != "COMPLETED" && j.state != "completed" || len(lines) == 0 {
		t.Fatalf("state %s, log:\n%s", j.state, j.log)
	}
	return lines
}

// The same numbers in the plan, the #SBATCH lines, the launcher's command line,
// the variables and threads of each rank, and the record.
func TestSameNumbers(t *testing.T) {
	s := newSite(t, testbed.ForTest(t))
	s.poison()
	for _, c := range []struct {
		name, blocks string
		args         []string
		want         resources.Layout
		script       []string // lines of the batch script
		options      string   // of the launcher
		nodes        []string // of the ranks; nil: not looked at
		omp          string
	}{
		{
			"srun", "slurm: {partition: hsw, nodes: 1, ntasks-per-node: 2, cpus-per-task: 2, mem-per-cpu: 100M}\nlauncher: srun", nil,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 2, TasksPerNode: "2", CPUsPerTask: 2, CPUsPerThread: 1, ThreadsPerTask: 2},
			[]string{"--nodes=1", "--ntasks-per-node=2", "--cpus-per-task=2"},
			"--nodes=1 --ntasks=2 --ntasks-per-node=2 --cpus-per-task=2 --mpi=pmix --export=ALL --kill-on-bad-exit=1", []string{"hsw", "hsw"}, "2",
		},
		{
			"hardware threads", "slurm: {partition: skx, nodes: 1, ntasks: 2, cpus-per-task: 4, mem-per-cpu: 100M}\nlauncher: srun", nil,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 2, TasksPerNode: "2", CPUsPerTask: 4, CPUsPerThread: 2, ThreadsPerTask: 2},
			[]string{"--nodes=1", "--ntasks=2", "--cpus-per-task=4"},
			"--nodes=1 --ntasks=2 --ntasks-per-node=2 --cpus-per-task=4 --mpi=pmix --export=ALL --kill-on-bad-exit=1", []string{"skx", "skx"}, "2",
		},
		{
			"nomultithread", "slurm: {partition: skx, ntasks-per-node: 2, cpus-per-task: 2, hint: nomultithread, mem-per-cpu: 100M}\nlauncher: srun", nil,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 2, TasksPerNode: "2", CPUsPerTask: 2, CPUsPerThread: 1, ThreadsPerTask: 2},
			[]string{"--ntasks-per-node=2", "--cpus-per-task=2", "--hint=nomultithread"},
			"--nodes=1 --ntasks=2 --ntasks-per-node=2 --cpus-per-task=2 --threads-per-core=1 --mpi=pmix --export=ALL --kill-on-bad-exit=1", []string{"skx", "skx"}, "2",
		},
		{
			"all hardware threads", "slurm: {partition: skx, nodes: 1, ntasks-per-node: 2, cpus-per-task: 4, hint: multithread, distribution: 'block:block', mem-per-cpu: 100M}\nlauncher: srun", nil,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 2, TasksPerNode: "2", CPUsPerTask: 4, CPUsPerThread: 1, ThreadsPerTask: 4},
			[]string{"--cpus-per-task=4", "--hint=multithread"},
			"--nodes=1 --ntasks=2 --ntasks-per-node=2 --cpus-per-task=4 --hint=multithread --distribution=block:block --mpi=pmix --export=ALL --kill-on-bad-exit=1", []string{"skx", "skx"}, "4",
		},
		{
			"nested", "slurm: {partition: zen, nodes: 1, ntasks-per-node: 1, cpus-per-task: 6, mem-per-cpu: 100M}\nthreads: {nested: {outer: 2, inner: 3}, stack: 2M}\nlauncher: srun", nil,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 1, TasksPerNode: "1", CPUsPerTask: 6, CPUsPerThread: 1, ThreadsPerTask: 6},
			[]string{"--cpus-per-task=6"},
			"--nodes=1 --ntasks=1 --ntasks-per-node=1 --cpus-per-task=6 --mpi=pmix --export=ALL --kill-on-bad-exit=1", []string{"zen"}, "2,3",
		},
		{
			"mpirun on two nodes", "slurm: {partition: hsw, nodes: 2, ntasks-per-node: 2, mem-per-cpu: 100M}\nlauncher: mpirun", nil,
			resources.Layout{MinNodes: 2, MaxNodes: 2, Tasks: 4, TasksPerNode: "2(x2)", CPUsPerTask: 1, CPUsPerThread: 1, ThreadsPerTask: 1},
			[]string{"--nodes=2", "--ntasks-per-node=2"}, "-n 4 --map-by ppr:2:node --bind-to none", []string{"hsw1", "hsw1", "hsw2", "hsw2"}, "1",
		},
		{
			"mpirun with threads", "slurm: {partition: hsw, nodes: 1, ntasks-per-node: 2, cpus-per-task: 2, mem-per-cpu: 100M}\nlauncher: mpirun", nil,
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 2, TasksPerNode: "2", CPUsPerTask: 2, CPUsPerThread: 1, ThreadsPerTask: 2},
			[]string{"--cpus-per-task=2"}, "-n 2 --map-by ppr:2:node --bind-to none", nil, "2",
		},
		{
			"local", "slurm: {nodes: 2, ntasks-per-node: 1, mem-per-cpu: 100M}\nlauncher: srun", []string{"--local"},
			resources.Layout{MinNodes: 1, MaxNodes: 1, Tasks: 2, TasksPerNode: "2", CPUsPerTask: 1, CPUsPerThread: 1, ThreadsPerTask: 1},
			nil, "-n 2 --host localhost:2 --map-by slot --bind-to none", nil, "1",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := s.run(t, c.blocks, "launch mpiprobe OMP_NUM_THREADS MKL_NUM_THREADS SRUN_CPUS_PER_TASK OMP_PROC_BIND LD_LIBRARY_PATH PYTHONPATH OMP_STACKSIZE", c.args...)
			ranks := j.ranks(t)
			if j.plan.Resources != c.want {
				t.Errorf("plan: %+v, want %+v", j.plan.Resources, c.want)
			}
			if j.start.Resources != c.want || j.start.Threads != c.want.ThreadsPerTask {
				t.Errorf("record: %+v and %d threads, want %+v", j.start.Resources, j.start.Threads, c.want)
			}
			script, err := os.ReadFile(filepath.Join(j.dir, "batch.sh"))
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range c.script {
				if !strings.Contains(string(script), "\n#SBATCH "+l+"\n") {
					t.Errorf("the script has no %s:\n%s", l, script)
				}
			}
			if len(j.facts) != 1 {
				t.Fatalf("%d launches written down", len(j.facts))
			}
			f := j.facts[0]
			if got := strings.Join(f.Options, " "); got != c.options || f.Layout != c.want || f.Ranks != c.want.Tasks {
				t.Errorf("launched %d with %s\n%+v\nwant %s\n%+v", f.Ranks, got, f.Layout, c.options, c.want)
			}
			if (f.Checked != "") != (c.want.Tasks > 1) {
				t.Errorf("world-size check of %d ranks: %q", c.want.Tasks, f.Checked)
			}
			if len(ranks) != c.want.Tasks {
				t.Fatalf("%d ranks:\n%s", len(ranks), j.log)
			}
			outer, inner, nested := strings.Cut(c.omp, ",")
			if !nested {
				inner = outer
			}
			for i, l := range ranks {
				for _, want := range []string{
					fmt.Sprintf("rank %d of %d ", i, c.want.Tasks), " threads " + outer + " ", " OMP_NUM_THREADS=" + c.omp + " ", " MKL_NUM_THREADS=" + inner + " ",
					fmt.Sprintf(" SRUN_CPUS_PER_TASK=%d ", c.want.CPUsPerTask), " OMP_PROC_BIND=- ", " PYTHONPATH=- ",
				} {
					if !strings.Contains(l+" ", want) {
						t.Errorf("rank %d: %q is not in %s", i, want, l)
					}
				}
				// Open MPI 4's mpirun puts its own libraries there, the caller's are nowhere.
				if f.Launcher == "srun" && !strings.Contains(l, " LD_LIBRARY_PATH=- ") || strings.Contains(l, "/of/the/caller") {
					t.Errorf("libraries: %s", l)
				}
				if c.nodes != nil && !strings.Contains(l, " node "+c.nodes[i]) {
					t.Errorf("rank %d is not on %s: %s", i, c.nodes[i], l)
				}
				if strings.HasSuffix(l, "OMP_STACKSIZE=2M") != nested {
					t.Errorf("stack: %s", l)
				}
			}
		})
	}
}

// What Slurm alone decides, how five tasks are spread over two nodes, is in the
// record as it came about, and srun keeps to it. The program has no MPI, so
// nothing is refused.
func TestUnevenRanks(t *testing.T) {
	s := newSite(t, testbed.ForTest(t))
	s.poison()
	j := s.run(t, "slurm: {partition: hsw, nodes: 2, ntasks: 5, mem-per-cpu: 100M}\nlauncher: srun", "launch printenv SLURMD_NODENAME OMP_NUM_THREADS")
	if j.plan.Resources.Tasks != 5 || j.plan.Resources.TasksPerNode != "" {
		t.Errorf("plan: %+v", j.plan.Resources)
	}
	var per []int
	for _, n := range []string{"hsw1", "hsw2"} {
		per = append(per, strings.Count(j.log, n+"\n1\n"))
	}
	if got := j.start.Resources; got.Tasks != 5 || got.TasksPerNode != resources.Counts(per) || per[0]+per[1] != 5 {
		t.Errorf("record %+v, ranks by node %v, log:\n%s", got, per, j.log)
	}
	if len(j.facts) != 1 || j.facts[0].MPIType != "none" || j.facts[0].MPI != "" || j.facts[0].Checked == "" {
		t.Errorf("launched: %+v", j.facts)
	}
}

// A way to start ranks that the program's MPI does not know ends at once, with
// words that say what to change, and nothing of the program runs.
func TestWrongPairing(t *testing.T) {
	s := newSite(t, testbed.ForTest(t))
	const slurm = "slurm: {partition: hsw, nodes: 1, ntasks-per-node: 2, mem-per-cpu: 100M}\n"
	for _, c := range []struct{ blocks, lines, want, hint string }{
		{slurm + "launcher: srun", "launch --mpi=none mpiprobe", "speaks pmix, not none: each of the 2 ranks would be rank 0 of 1", "leave --mpi out: pmix is what fits here"},
		{slurm + "launcher: srun", "launch --mpi=pmi2 mpiprobe", "speaks pmix, not pmi2: each of the 2 ranks would be rank 0 of 1", "leave --mpi out"},
		{slurm + "launcher: srun", "launch --mpi=pmi7 mpiprobe", "this Slurm does not speak pmi7", "pmix is what fits here"},
		{slurm, "launch mpiprobe", "the job has 2 tasks, but launcher: none starts one", "set launcher: srun"},
		{slurm + "launcher: srun", "launch -n 3 mpiprobe", "3 ranks are wanted, but the job has 2 tasks", "set slurm.ntasks: 3"},
		{slurm + "launcher: mpirun", "launch --mpi=pmix mpiprobe", "--mpi is an option of srun", "leave it out"},
		{slurm + "launcher: srun", "launch mpiprobes", "no program mpiprobes in this environment", "environment.packages"},
	} {
		j := s.run(t, c.blocks, c.lines)
		if strings.EqualFold(j.state, "completed") || !strings.Contains(j.log, "nixbatch: launch: ") || !strings.Contains(j.log, c.want) || !strings.Contains(j.log, "hint: ") || !strings.Contains(j.log, c.hint) {
			t.Errorf("%s: state %s, log:\n%s\nwant %q and a hint %q", c.lines, j.state, j.log, c.want, c.hint)
		}
		if strings.Contains(j.log, "rank 0") && strings.Contains(j.log, " threads ") || len(j.facts) != 0 {
			t.Errorf("%s: something was started:\n%s", c.lines, j.log)
		}
	}
}

// shim puts a program of the host behind a script of the same name.
func shim(t *testing.T, s *site, name, body string) (dir string) {
	t.Helper()
	real, err := proc.Look(name)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+strings.ReplaceAll(body, "REAL", real)), 0o755); err != nil {
		t.Fatal(err)
	}
	s.set("PATH", dir+":"+os.Getenv("PATH"))
	return dir
}

// A Slurm that says it speaks PMIx but gives its ranks none is found out by the
// check before the program starts N times as rank 0.
func TestWorldSizeCheck(t *testing.T) {
	s := newSite(t, testbed.ForTest(t))
	shim(t, s, "srun", `for a in "$@"; do case $a in --mpi=pmix) set -- "$@" --broken ;; esac; done
n=$#; i=0
while [ $i -lt $n ]; do
  a=$1; shift; i=$((i + 1))
  case $a in --mpi=pmix) a=--mpi=none ;; --broken) continue ;; esac
  set -- "$@" "$a"
done
exec REAL "$@"
`)
	j := s.run(t, "slurm: {partition: hsw, nodes: 1, ntasks-per-node: 2, mem-per-cpu: 100M}\nlauncher: srun", "launch mpiprobe")
	if strings.EqualFold(j.state, "completed") || !strings.Contains(j.log, "srun --mpi=pmix does not give its ranks a world of 2") || len(j.facts) != 0 {
		t.Errorf("state %s, %d launches, log:\n%s", j.state, len(j.facts), j.log)
	}
	if !strings.Contains(j.log, "hint: set launcher: mpirun") {
		t.Errorf("no way out:\n%s", j.log)
	}
}

// A colon cannot stand in PATH, where launch has to be and where mpirun looks
// for srun; quotes and spaces can.
func TestAwkwardDirectory(t *testing.T) {
	s := newSite(t, testbed.ForTest(t))
	s.prefix = "it's a:b $HOME "
	for _, launcher := range []string{"srun", "mpirun"} {
		j := s.run(t, "slurm: {partition: zen, nodes: 1, ntasks-per-node: 2, mem-per-cpu: 100M, comment: mine}\nlauncher: "+launcher, "launch mpiprobe\ntype -P launch")
		if n := len(j.ranks(t)); n != 2 || !strings.Contains(j.log, "/nixbatch-bin-") {
			t.Errorf("%s: %d ranks, log:\n%s", launcher, n, j.log)
		}
		left, err := filepath.Glob(filepath.Join(s.cluster.Dir, "tmp", "nixbatch-bin-*"))
		if err != nil || len(left) != 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	}
}

// The user's comment and the run id both reach Slurm, apart from each other.
func TestComment(t *testing.T) {
	s := newSite(t, testbed.ForTest(t))
	j := s.run(t, "slurm: {partition: zen, mem-per-cpu: 100M, comment: 'project x; third try'}", "true")
	var sub facts.Submit
	if err := durable.Read(filepath.Join(j.dir, "submit.json"), &sub); err != nil {
		t.Fatal(err)
	}
	res, err := proc.System{}.Run(t.Context(), proc.Cmd{Path: "squeue", Args: []string{"--noheader", "--states=all", "--format=%k", fmt.Sprintf("--jobs=%d", sub.JobID)}, Env: s.env})
	got := strings.TrimSpace(string(res.Stdout))
	if err != nil || !strings.HasPrefix(got, "nixbatch:"+filepath.Base(j.dir)) || !strings.HasSuffix(got, " project x; third try") {
		t.Errorf("comment %q, %v", got, err)
	}
}

// The libraries of the environment reach the ranks, and never the host's srun;
// on PATH there is no srun of the host's, and it works all the same.
func TestHostSrunRunsClean(t *testing.T) {
	s := newSite(t, testbed.ForTest(t))
	seen := filepath.Join(s.dir, "seen")
	shim(t, s, "srun", `printf '%s\n' "srun saw ${LD_LIBRARY_PATH-nothing}" >>`+proc.Quote(seen)+"\nexec REAL \"$@\"\n")
	const value = `/nonexistent/a b'c"d,e`
	for _, launcher := range []string{"srun", "mpirun"} {
		nodes := map[string]int{"srun": 1, "mpirun": 2}[launcher]
		j := s.run(t, fmt.Sprintf("slurm: {partition: hsw, nodes: %d, ntasks-per-node: 1, mem-per-cpu: 100M}\nlauncher: %s", nodes, launcher),
			"type -P srun && exit 3\nexport LD_LIBRARY_PATH="+proc.Quote(value)+"\nlaunch mpiprobe LD_LIBRARY_PATH")
		for _, l := range j.ranks(t) {
			// Open MPI 4's mpirun puts its own directory before the value.
			if _, got, ok := strings.Cut(l, " LD_LIBRARY_PATH="); !ok || got != value && (launcher == "srun" || !strings.HasSuffix(got, ":"+value)) {
				t.Errorf("%s: %s", launcher, l)
			}
		}
		saw, err := os.ReadFile(seen)
		if err != nil || strings.Count(string(saw), "\n") != strings.Count(string(saw), "srun saw nothing\n") {
			t.Errorf("%s: %v\n%s", launcher, err, saw)
		}
	}
}

// A program that takes all it can see stays inside its share: by the variables,
// and where tasks are bound by its mask, although it throws the variables away.
func TestGreedy(t *testing.T) {
	cores := min(runtime.NumCPU(), 2)
	c, err := testbed.Start(t.Context(), testbed.Options{
		Classes:   []testbed.Class{{Name: "real", Nodes: 1, Sockets: 1, Cores: cores, Threads: 1, MemoryMiB: 2000, Features: []string{"real"}}},
		ExtraConf: "TaskPlugin=task/affinity",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := newSite(t, c)
	s.poison()
	block := fmt.Sprintf("slurm: {nodes: 1, ntasks-per-node: %d, cpus-per-task: 1, mem-per-cpu: 100M}\nthreads: {bind: cores}\n", cores)
	for _, launcher := range []string{"srun", "mpirun"} {
		j := s.run(t, block+"launcher: "+launcher, "launch greedy\nlaunch env -u OMP_NUM_THREADS -u OMP_PLACES -u OMP_PROC_BIND greedy")
		if got := strings.Count(j.log, "threads 1\n"); got != 2*cores || strings.Count(j.log, "affinity 1 ") != 2*cores {
			t.Errorf("%s, state %s:\n%s", launcher, j.state, j.log)
		}
	}
	// Unbound, the variables alone hold it; and without a launcher.
	j := s.run(t, "slurm: {cpus-per-task: 1, mem-per-cpu: 100M}", "greedy\nlaunch greedy")
	if strings.Count(j.log, "threads 1\n") != 2 {
		t.Errorf("state %s:\n%s", j.state, j.log)
	}
}
