package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Threads is how many threads one task may use, and the variables that tell it.
type Threads struct {
	PerTask int          `json:"per_task"` // physical cores a task may use
	CPUs    int          `json:"cpus_per_task"`
	Fixed   bool         `json:"fixed"` // by threads.per-task, not worked out again on the node
	Bind    string       `json:"bind"`
	Vars    []record.Var `json:"variables"`

	notes []string
}

// openBLASLimit is the number of threads that nixpkgs' OpenBLAS is compiled for
// (NUM_THREADS in its makefile, 64 there).
const openBLASLimit = 64

// Unset names the variables that outrank the ones set here and must not leak in
// (BLIS: its own documentation of multithreading, "local" settings win).
var Unset = []string{
	"BLIS_JC_NT", "BLIS_IC_NT", "BLIS_JR_NT", "BLIS_IR_NT",
	"KMP_AFFINITY", "GOMP_CPU_AFFINITY", "OMP_PLACES", "OMP_PROC_BIND", "OMP_THREAD_LIMIT",
}

// ThreadVars is the variables for a task of t threads that has cpus CPUs of
// Slurm's; job is the job file's own variables, which win. Sorted by name.
func ThreadVars(t, cpus int, bind string, job []record.Var) []record.Var {
	n := strconv.Itoa(t)
	set := map[string]string{
		"OMP_NUM_THREADS":      n,
		"OPENBLAS_NUM_THREADS": strconv.Itoa(min(t, openBLASLimit)),
		"GOTO_NUM_THREADS":     strconv.Itoa(min(t, openBLASLimit)),
		"MKL_NUM_THREADS":      n,
		"BLIS_NUM_THREADS":     n,
		"NUMEXPR_NUM_THREADS":  n,
		"NUMEXPR_MAX_THREADS":  n,
		"NUMBA_NUM_THREADS":    n,
		"RAYON_NUM_THREADS":    n,
		"JULIA_NUM_THREADS":    n,
		"SRUN_CPUS_PER_TASK":   strconv.Itoa(cpus),
	}
	if bind == "cores" {
		set["OMP_PLACES"], set["OMP_PROC_BIND"] = "cores", "close"
	}
	for _, v := range job {
		delete(set, v.Name)
	}
	var out []record.Var
	for _, name := range sortedKeys(set) {
		out = append(out, record.Var{Name: name, Value: set[name], From: "threads"})
	}
	return out
}

// PerTask is the number of physical cores in cpus CPUs of Slurm's on nodes with
// that many hardware threads a core. hint is Slurm's --hint: with
// "multithread" the job asked for the hardware threads themselves.
func PerTask(cpus, threadsPerCore int, hint string) int {
	if hint == "multithread" || threadsPerCore <= 1 {
		return max(cpus, 1)
	}
	return max(cpus/threadsPerCore, 1)
}

// threadsFor works out the threads of one task from the job file and the nodes
// it may land on. The node works it out again from what it was given.
func threadsFor(s *jobspec.Spec, classes []cluster.Class) (Threads, error) {
	t := Threads{Bind: s.Threads.Bind, CPUs: 1}
	if v, ok := s.Slurm.Get("cpus-per-task"); ok {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return t, &Error{fmt.Sprintf("slurm.cpus-per-task: %q is not a number of CPUs", v), ""}
		}
		t.CPUs = n
	}
	hint, _ := s.Slurm.Get("hint")
	smt := 1
	for i, c := range classes {
		if i > 0 && c.Threads != smt {
			t.notes = append(t.notes, fmt.Sprintf("the nodes differ in hardware threads a core (%d and %d): "+
				"the number of threads is worked out on the node", smt, c.Threads))
			smt = min(smt, max(c.Threads, 1))
			break
		}
		smt = max(c.Threads, 1)
	}
	t.PerTask = PerTask(t.CPUs, smt, hint)
	if n := s.Threads.PerTask; n > 0 {
		t.Fixed = true
		if n > t.CPUs {
			return t, &Error{
				fmt.Sprintf("threads.per-task is %d, but slurm.cpus-per-task gives a task %s", n, plural(t.CPUs, "CPU")),
				fmt.Sprintf("set slurm.cpus-per-task: %d, or leave per-task out", n),
			}
		}
		t.PerTask = n
	}
	var job []record.Var
	var own []string
	for _, e := range s.Env {
		job = append(job, record.Var{Name: e.Name})
	}
	t.Vars = ThreadVars(t.PerTask, t.CPUs, t.Bind, job)
	for _, v := range ThreadVars(t.PerTask, t.CPUs, t.Bind, nil) {
		if slices.ContainsFunc(job, func(j record.Var) bool { return j.Name == v.Name }) {
			own = append(own, v.Name)
		}
	}
	if len(own) > 0 {
		t.notes = append(t.notes, "set by the job file, not by nixbatch: "+strings.Join(own, ", "))
	}
	if t.PerTask > openBLASLimit {
		t.notes = append(t.notes, fmt.Sprintf("%d threads a task: nixpkgs' OpenBLAS is compiled for %d and gets no more", t.PerTask, openBLASLimit))
	}
	return t, nil
}
