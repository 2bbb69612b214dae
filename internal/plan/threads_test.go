package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/jobspec"
)

// threaded plans a job with these blocks on nodes with 2 sockets of that many
// cores, of two hardware threads each if smt.
func threaded(t *testing.T, blocks string, cores int, smt, local bool) (*plan.Plan, error) {
	t.Helper()
	text := "name: water\nenvironment:\n  nixpkgs: {path: ../pkgs}\n  packages: [rhf, python3Packages.numpy]\n" + blocks + "\nrun: rhf\n"
	s, err := jobspec.Parse("water.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	c := class(t, "n[1-4] skylake-sp")
	c.Cores, c.CPUs = cores, 2*cores
	if smt {
		c.Threads, c.CPUs = 2, 4*cores
	}
	in := input(t, s, []cluster.Class{c})
	in.Local = local
	return plan.Make(in)
}

// The variables of one task, and what the plan has to say about them.
func TestThreadVariables(t *testing.T) {
	const base = "BLIS_NUM_THREADS=N GOTO_NUM_THREADS=N JULIA_NUM_THREADS=N MKL_NUM_THREADS=N NUMBA_NUM_THREADS=N NUMEXPR_MAX_THREADS=N NUMEXPR_NUM_THREADS=N OMP_NUM_THREADS=N OPENBLAS_NUM_THREADS=N RAYON_NUM_THREADS=N"
	all := func(n, cpus string) string {
		return strings.ReplaceAll(base, "=N", "="+n) + " SRUN_CPUS_PER_TASK=" + cpus
	}
	for _, c := range []struct {
		name, blocks string
		cores        int
		smt, local   bool
		want         string
		notes        []string // each is in one of the plan's
	}{
		{"nothing asked", "", 8, false, false, all("1", "1"), nil},
		{"four", "slurm: {cpus-per-task: 4}", 8, false, false, all("4", "4"), nil},
		{"hardware threads", "slurm: {cpus-per-task: 4}", 8, true, false, all("2", "4"), nil},
		{"all hardware threads", "slurm: {cpus-per-task: 4, hint: multithread}", 8, true, false, all("4", "4"), nil},
		{"one thread of each core", "slurm: {cpus-per-task: 4, hint: nomultithread}", 8, true, false, all("4", "4"), nil},
		{"fewer", "slurm: {cpus-per-task: 4}\nthreads: {per-task: 3}", 8, false, false, all("3", "4"), nil},
		{"local", "slurm: {nodes: 2, ntasks-per-node: 3, cpus-per-task: 2}\nlauncher: srun", 8, true, true, all("2", "2"), nil},
		{"bound", "slurm: {cpus-per-task: 2}\nthreads: {bind: cores}", 8, false, false,
			strings.ReplaceAll(all("2", "2"), " OPENBLAS", " OMP_PLACES=cores OMP_PROC_BIND=close OPENBLAS"), []string{"pool of Python processes"}},
		{"nested", "slurm: {cpus-per-task: 8}\nthreads: {nested: {outer: 4, inner: 2}, stack: 16m}", 8, false, false,
			"BLIS_NUM_THREADS=2 GOTO_NUM_THREADS=2 JULIA_NUM_THREADS=8 MKL_NUM_THREADS=2 NUMBA_NUM_THREADS=8 NUMEXPR_MAX_THREADS=8 NUMEXPR_NUM_THREADS=8 OMP_MAX_ACTIVE_LEVELS=2 OMP_NUM_THREADS=4,2 OMP_STACKSIZE=16M OPENBLAS_NUM_THREADS=2 RAYON_NUM_THREADS=8 SRUN_CPUS_PER_TASK=8",
			[]string{"stacks of 16M for 8 threads may take 128M"}},
		{"the job file's own", "slurm: {cpus-per-task: 2}\nenv: {MKL_NUM_THREADS: \"7\", OMP_NUM_THREADS: \"5\", OTHER: x}", 8, false, false,
			"BLIS_NUM_THREADS=2 GOTO_NUM_THREADS=2 JULIA_NUM_THREADS=2 NUMBA_NUM_THREADS=2 NUMEXPR_MAX_THREADS=2 NUMEXPR_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 RAYON_NUM_THREADS=2 SRUN_CPUS_PER_TASK=2",
			[]string{"set by the job file, not by nixbatch: MKL_NUM_THREADS, OMP_NUM_THREADS"}},
		{"more than OpenBLAS takes", "slurm: {cpus-per-task: 96}", 64, false, false,
			strings.NewReplacer("OPENBLAS_NUM_THREADS=96", "OPENBLAS_NUM_THREADS=64", "GOTO_NUM_THREADS=96", "GOTO_NUM_THREADS=64").Replace(all("96", "96")),
			[]string{"compiled for 64", "a socket has 64 cores"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := threaded(t, c.blocks, c.cores, c.smt, c.local)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range p.Threads.Vars {
				got = append(got, v.Name+"="+v.Value)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
			if p.Threads.PerTask != p.Resources.ThreadsPerTask || p.Threads.CPUs != p.Resources.CPUsPerTask {
				t.Errorf("threads %+v and resources %+v differ", p.Threads, p.Resources)
			}
			for _, n := range c.notes {
				if !slices.ContainsFunc(p.Notes, func(x string) bool { return strings.Contains(x, n) }) {
					t.Errorf("notes %q, want %q", p.Notes, n)
				}
			}
		})
	}
}

// Julia's own threads call OpenBLAS, which therefore gets one.
func TestJulia(t *testing.T) {
	for _, pkg := range []string{"julia-bin", "julia_110", "juliaPackages.julia"} {
		s, err := jobspec.Parse("water.yaml", []byte("name: a\nenvironment:\n  nixpkgs: {path: ../pkgs}\n  packages: ["+pkg+"]\nslurm: {cpus-per-task: 8}\nrun: julia\n"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Make(input(t, s, classes(t, "n[1-4] skylake-sp")))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Threads.Vars {
			if want := map[string]string{"OPENBLAS_NUM_THREADS": "1", "JULIA_NUM_THREADS": "8", "OMP_NUM_THREADS": "8"}[v.Name]; want != "" && v.Value != want {
				t.Errorf("%s: %s=%s, want %s", pkg, v.Name, v.Value, want)
			}
		}
	}
}

func TestThreadsRefused(t *testing.T) {
	for _, c := range []struct {
		blocks string
		want   string
	}{
		{"slurm: {cpus-per-task: 2}\nthreads: {per-task: 4}", "threads.per-task is 4, but slurm.cpus-per-task gives a task 2 CPUs"},
		{"slurm: {cpus-per-task: 4}\nthreads: {per-task: 4}", "the 4 CPUs of a task are 2 cores"},
		{"slurm: {cpus-per-task: 4}\nthreads: {nested: {outer: 2, inner: 2}}", "threads.nested starts 2 times 2 threads, but a task has 2 cores"},
		{"slurm: {nodes: 1, ntasks-per-node: 9, cpus-per-task: 4}", "9 tasks a node with 4 CPUs each need 36 CPUs"},
	} {
		_, err := threaded(t, c.blocks, 8, true, false)
		var e *fault.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, c.want) || e.Hint() == "" {
			t.Errorf("%s: %v, want %q and a hint", c.blocks, err, c.want)
		}
	}
}

func TestRanksInWords(t *testing.T) {
	for _, c := range []struct {
		blocks, want string
		local        bool
	}{
		{"slurm: {nodes: 2, ntasks-per-node: 8}\nlauncher: srun", "16 by srun, on 2 nodes, a node 8(x2)", false},
		{"slurm: {nodes: 2-4, ntasks-per-node: 8}\nlauncher: mpirun", "16 by mpirun, on 2 to 4 nodes", false},
		{"slurm: {ntasks: 40}\nlauncher: srun", "40 by srun, on 2 nodes or more", false},
		{"slurm: {ntasks: 40}\nlauncher: srun", "40 by mpirun, here", true},
		{"slurm: {ntasks: 40}", "", false},
	} {
		p, err := threaded(t, c.blocks, 8, true, c.local)
		if err != nil || p.Ranks() != c.want {
			t.Errorf("%s: %q, %v; want %q", c.blocks, p.Ranks(), err, c.want)
		}
	}
}
