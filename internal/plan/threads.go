package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Threads is how many threads one task may use, and the variables that tell it.
type Threads struct {
	PerTask int         `json:"per_task"` // physical cores a task may use
	CPUs    int         `json:"cpus_per_task"`
	Fixed   bool        `json:"fixed"` // by threads.per-task, not worked out again on the node
	Bind    string      `json:"bind"`
	Nested  *Nested     `json:"nested,omitempty"`
	Stack   string      `json:"stack,omitempty"` // of each thread: "64M"
	Julia   bool        `json:"julia,omitempty"` // a job of Julia's, whose own threads call OpenBLAS
	Vars    []facts.Var `json:"variables"`

	notes []string
}

// Nested is two levels of OpenMP threads.
type Nested struct {
	Outer int `json:"outer"`
	Inner int `json:"inner"`
}

// OpenBLASLimit is the number of threads that nixpkgs' OpenBLAS is compiled for
// (NUM_THREADS in its makefile, 64 there).
const OpenBLASLimit = 64

// Unset names the variables that outrank the ones set here and must not leak in
// (BLIS: its own documentation of multithreading, "local" settings win).
var Unset = []string{
	"BLIS_JC_NT", "BLIS_IC_NT", "BLIS_JR_NT", "BLIS_IR_NT",
	"KMP_AFFINITY", "GOMP_CPU_AFFINITY", "OMP_PLACES", "OMP_PROC_BIND", "OMP_THREAD_LIMIT",
}

// Vars is the variables for a task of t threads that has cpus CPUs of Slurm's;
// job is the job file's own variables, which win. Sorted by name.
//
// Julia's OpenBLAS gets one thread, since Julia's own call it. With nested
// threads the linear algebra libraries get the inner number: they
// are called from the outer threads. OMP_PLACES and OMP_PROC_BIND are set for
// bound tasks only, as OMP_PROC_BIND shrinks the mask of the main thread, and
// with it that of every process it starts.
func (th Threads) Variables(t, cpus int, job []facts.Var) []facts.Var {
	n, blas := strconv.Itoa(t), t
	set := map[string]string{
		"OMP_NUM_THREADS":     n,
		"NUMEXPR_NUM_THREADS": n,
		"NUMEXPR_MAX_THREADS": n,
		"NUMBA_NUM_THREADS":   n,
		"RAYON_NUM_THREADS":   n,
		"JULIA_NUM_THREADS":   n,
		"SRUN_CPUS_PER_TASK":  strconv.Itoa(cpus),
	}
	if th.Nested != nil {
		blas = th.Nested.Inner
		set["OMP_NUM_THREADS"] = fmt.Sprintf("%d,%d", th.Nested.Outer, th.Nested.Inner)
		set["OMP_MAX_ACTIVE_LEVELS"] = "2"
	}
	for _, name := range []string{"MKL_NUM_THREADS", "BLIS_NUM_THREADS"} {
		set[name] = strconv.Itoa(blas)
	}
	for _, name := range []string{"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS"} {
		set[name] = strconv.Itoa(min(blas, OpenBLASLimit))
		if th.Julia {
			set[name] = "1"
		}
	}
	if th.Bind == "cores" {
		set["OMP_PLACES"], set["OMP_PROC_BIND"] = "cores", "close"
		if th.Nested != nil {
			set["OMP_PROC_BIND"] = "spread,close"
		}
	}
	if th.Stack != "" {
		set["OMP_STACKSIZE"] = th.Stack
	}
	for _, v := range job {
		delete(set, v.Name)
	}
	var out []facts.Var
	for _, name := range sortedKeys(set) {
		out = append(out, facts.Var{Name: name, Value: set[name], From: "threads"})
	}
	return out
}

// Kinds turns classes of nodes into what the resource model knows of them.
func Kinds(classes []cluster.Class) []resources.Node {
	var out []resources.Node
	for _, c := range classes {
		out = append(out, resources.Node{Count: len(c.Nodes), Sockets: c.Sockets, Cores: c.Cores, Threads: c.Threads, CPUs: c.CPUs})
	}
	return out
}

// Request is what a run asks for. Without Slurm there is one node, this
// machine, and all tasks run there.
func Request(o sbatch.Options, local bool) (resources.Request, error) {
	r, err := resources.FromOptions(o)
	if err != nil {
		return r, fault.New(err.Error(), "")
	}
	if local {
		l, _, _ := resources.Plan(r, nil, resources.Wishes{})
		r.Tasks, r.MinNodes, r.MaxNodes = l.Tasks, 1, 1
		r.PerNode, r.PerSocket, r.PerCore = 0, 0, 0
	}
	return r, nil
}

// threadsFor works out the tasks and the threads of one of them from the job
// file, what is asked for, and the nodes it may land on. The node works both out again from what it
// was given.
func threadsFor(s *jobspec.Spec, r resources.Request, classes []cluster.Class, local bool) (Threads, resources.Layout, error) {
	t := Threads{Bind: s.Threads.Bind, Stack: s.Threads.Stack, Fixed: s.Threads.PerTask > 0, Julia: hasJulia(s.Environment.Packages)}
	var nodes []resources.Node
	if !local {
		nodes = Kinds(classes)
	}
	l, notes, err := resources.Plan(r, nodes, resources.Wishes{PerTask: s.Threads.PerTask, Ranks: s.Launcher != "none"})
	if err != nil {
		return t, l, err
	}
	t.PerTask, t.CPUs, t.notes = l.ThreadsPerTask, l.CPUsPerTask, notes
	if o, i := s.Threads.Nested.Outer, s.Threads.Nested.Inner; o > 0 {
		t.Nested = &Nested{o, i}
		if o*i > t.PerTask {
			return t, l, fault.New(
				fmt.Sprintf("threads.nested starts %d times %d threads, but a task has %s", o, i, text.Plural(t.PerTask, "core")),
				fmt.Sprintf("set slurm.cpus-per-task: %d, or start fewer", o*i*l.CPUsPerThread),
			)
		}
	}
	var job []facts.Var
	for _, e := range s.Env {
		job = append(job, facts.Var{Name: e.Name})
	}
	t.Vars = t.Variables(t.PerTask, t.CPUs, job)
	t.notes = append(t.notes, t.advice(s, job)...)
	return t, l, nil
}

// advice is what is known to hurt, and what the job file decided itself.
func (th Threads) advice(s *jobspec.Spec, job []facts.Var) (notes []string) {
	var own []string
	for _, v := range th.Variables(th.PerTask, th.CPUs, nil) {
		if slices.ContainsFunc(job, func(j facts.Var) bool { return j.Name == v.Name }) {
			own = append(own, v.Name)
		}
	}
	if len(own) > 0 {
		notes = append(notes, "set by the job file, not by nixbatch: "+strings.Join(own, ", "))
	}
	if th.PerTask > OpenBLASLimit && th.Nested == nil {
		notes = append(notes, fmt.Sprintf("%d threads a task: nixpkgs' OpenBLAS is compiled for %d and takes no more; the node looks whether it is in use", th.PerTask, OpenBLASLimit))
	}
	if th.Bind == "cores" && hasPython(s.Environment.Packages) {
		notes = append(notes, "threads.bind: cores sets OMP_PROC_BIND, under which a pool of Python processes shares the cores of one thread; bind: none leaves them free")
	}
	if th.Julia && th.PerTask > 1 {
		notes = append(notes, "OPENBLAS_NUM_THREADS is 1: in a job of Julia's its own threads call OpenBLAS")
	}
	if th.Stack != "" {
		if each, err := slurm.ParseSize(th.Stack); err == nil {
			notes = append(notes, fmt.Sprintf("stacks of %s for %d threads may take %s of a task's memory", th.Stack, th.PerTask, slurm.FormatSize(each*int64(th.PerTask))))
		}
	}
	return notes
}

// Ranks says in words what the launcher starts, "" without one.
func (p *Plan) Ranks() string {
	if p.Launcher == "none" {
		return ""
	}
	l := p.Resources
	where := text.Plural(l.MinNodes, "node")
	switch {
	case p.Local:
		return fmt.Sprintf("%d by mpirun, here", l.Tasks)
	case l.MaxNodes == 0:
		where += " or more"
	case l.MaxNodes > l.MinNodes:
		where = fmt.Sprintf("%d to %d nodes", l.MinNodes, l.MaxNodes)
	}
	each := ""
	if l.TasksPerNode != "" && l.MinNodes > 1 {
		each = ", a node " + l.TasksPerNode
	}
	return fmt.Sprintf("%d by %s, on %s%s", l.Tasks, p.Launcher, where, each)
}

// hasPython looks at the names of packages alone: python3, python312Packages.x.
func hasPython(packages []string) bool {
	return slices.ContainsFunc(packages, func(p string) bool {
		return slices.ContainsFunc(strings.Split(p, "."), func(w string) bool {
			return strings.HasPrefix(w, "python3") || strings.HasPrefix(w, "python2") || w == "python" || w == "pypy3"
		})
	})
}

// NodeKind is what Slurm says of a node's class; the zero value for a node that
// the plan does not know.
func (p *Plan) NodeKind(node string) resources.Node {
	for _, c := range p.Classes {
		names, err := hostlist.Expand(c.Nodes)
		if err != nil || !slices.Contains(names, node) {
			continue
		}
		return resources.Node{Count: c.Count, CPUs: c.CPUs, Sockets: c.Sockets, Cores: c.CoresSocket, Threads: c.ThreadsCore}
	}
	return resources.Node{}
}

func hasJulia(packages []string) bool {
	return slices.ContainsFunc(packages, func(p string) bool {
		w := p[strings.LastIndexByte(p, '.')+1:]
		return strings.HasPrefix(w, "julia")
	})
}
