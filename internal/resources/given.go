package resources

import (
	"fmt"
	"strconv"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/text"
)

// Given is what a job has been given, as its first node sees it.
type Given struct {
	Layout
	CPUsPerNode []int // of Slurm's, by node; nil without Slurm
	Affinity    int   // processors that the batch step may run on; 0 when not known
	Overcommit  bool
}

// Measure reads what Slurm gave from the variables of a batch step (sbatch(1),
// "output environment variables") and the number of processors that the step
// may run on. What Slurm does not say is as planned. node is the kind of the
// first node, as the plan knows it; the zero value if it does not.
//
// SLURM_NTASKS is there only if tasks were asked for. SLURM_TASKS_PER_NODE
// always is, but without them it counts how many would fit, and with
// --ntasks-per-node it can add up to more than there are (measured with
// 22.05): both are put right here.
func Measure(getenv func(string) string, affinity int, plan Layout, r Request, node Node, w Wishes) Given {
	num := func(name string) int {
		n, err := strconv.Atoi(getenv(name))
		if err != nil || n < 1 {
			return 0
		}
		return n
	}
	g := Given{Layout: plan, Affinity: affinity, Overcommit: r.Overcommit || num("SLURM_OVERCOMMIT") > 0}
	if getenv("SLURM_JOB_ID") == "" {
		g.MinNodes, g.MaxNodes, g.TasksPerNode = 1, 1, Counts([]int{plan.Tasks})
		// No Slurm: the processors of this process are what there is.
		return g
	}
	if n := num("SLURM_JOB_NUM_NODES"); n > 0 {
		g.MinNodes, g.MaxNodes = n, n
	}
	perNode := num("SLURM_NTASKS_PER_NODE")
	switch tasks := num("SLURM_NTASKS"); {
	case tasks > 0:
		g.Tasks = tasks
		g.TasksPerNode = Counts(trim(expand(getenv("SLURM_TASKS_PER_NODE")), tasks, g.MinNodes))
	default:
		g.Tasks = max(perNode, 1) * g.MinNodes
		g.TasksPerNode = repeated(max(perNode, 1), g.MinNodes)
	}
	g.CPUsPerNode = expand(getenv("SLURM_JOB_CPUS_PER_NODE"))
	switch cpus, perGPU := num("SLURM_CPUS_PER_TASK"), num("SLURM_CPUS_PER_GPU"); {
	case cpus > 0:
		g.CPUsPerTask = cpus
	case perGPU > 0:
		now := r
		now.GPUs, now.GPUsPerTask = max(num("SLURM_GPUS"), r.GPUs), max(num("SLURM_GPUS_PER_TASK"), r.GPUsPerTask)
		if per := now.gpusPerTask(g.Tasks, g.MinNodes); per[0] > 0 && per[1] > 0 {
			g.CPUsPerTask = max(perGPU*per[0]/per[1], 1)
		}
	}
	if n := num("SLURM_THREADS_PER_CORE"); n > 0 {
		r.ThreadsPerCore = n
	}
	if h := getenv("SLURM_HINT"); h != "" && r.Hint == "" {
		r.Hint = h
	}
	g.CPUsPerThread = node.CPUsPerThread(r)
	if w.PerTask == 0 {
		whole := w.WholeCores || g.wholeCores()
		g.ThreadsPerTask = Cores(g.CPUsPerTask, g.CPUsPerThread, whole)
	}
	return g
}

// wholeCores reports whether every task was given its last core whole: under
// CR_Core three CPUs of two threads each come as four.
func (g Given) wholeCores() bool {
	per := g.PerNode()
	if len(per) == 0 || len(per) != len(g.CPUsPerNode) {
		return false
	}
	for i, n := range per {
		if g.CPUsPerNode[i] < n*ceil(g.CPUsPerTask, g.CPUsPerThread)*g.CPUsPerThread {
			return false
		}
	}
	return true
}

// trim makes a list of tasks by node add up to tasks: what is too much is taken
// from the last nodes, which keep one each.
func trim(per []int, tasks, nodes int) []int {
	if len(per) != nodes {
		return nil
	}
	over := -tasks
	for _, n := range per {
		over += n
	}
	if over < 0 {
		return nil
	}
	for i := len(per) - 1; i >= 0 && over > 0; i-- {
		take := min(over, per[i]-1)
		per[i], over = per[i]-take, over-take
	}
	if over > 0 {
		return nil
	}
	return per
}

// Check compares what was given with the plan. notes are the differences, and
// how tasks share what there is; over is the one that says, unless that was
// asked for, that more threads run than processors may be used. A *fault.Error stops
// a task that would run more threads than the CPUs of one of its nodes.
func (g Given) Check(plan Layout) (notes []string, over string, err error) {
	diff := func(what string, have, want int) {
		if have != want {
			notes = append(notes, fmt.Sprintf("%d %s, the plan had %d", have, what, want))
		}
	}
	if plan.MaxNodes == plan.MinNodes {
		diff("nodes", g.MinNodes, plan.MinNodes)
	}
	diff("tasks", g.Tasks, plan.Tasks)
	if plan.TasksPerNode != "" && g.TasksPerNode != plan.TasksPerNode && g.Tasks == plan.Tasks {
		notes = append(notes, fmt.Sprintf("tasks by node %s, the plan had %s", g.TasksPerNode, plan.TasksPerNode))
	}
	diff("CPUs a task", g.CPUsPerTask, plan.CPUsPerTask)
	diff("threads a task", g.ThreadsPerTask, plan.ThreadsPerTask)

	per := g.PerNode()
	for i, have := range g.CPUsPerNode {
		tasks := 1
		if i < len(per) {
			tasks = per[i]
		}
		if need := tasks * g.ThreadsPerTask; need > have {
			what := fmt.Sprintf("%s with %s each on a node where the job has %s", text.Plural(tasks, "task"), text.Plural(g.ThreadsPerTask, "thread"), text.Plural(have, "CPU"))
			if !g.Overcommit {
				return notes, "", fault.New(what, "ask for the CPUs with slurm.cpus-per-task, or for fewer threads with threads.per-task")
			}
			notes = append(notes, what+": the job oversubscribes them, as slurm.overcommit says")
			break
		}
		if need := tasks * g.ThreadsPerTask * g.CPUsPerThread; g.CPUsPerThread > 1 && need > have && tasks > 1 {
			notes = append(notes, fmt.Sprintf("%s with %s each share %s of a node", text.Plural(tasks, "task"), text.Plural(g.ThreadsPerTask, "thread"), text.Plural(have/g.CPUsPerThread, "core")))
			break
		}
	}
	if len(per) == 0 {
		per = []int{g.Tasks}
	}
	if need := per[0] * g.ThreadsPerTask; g.Affinity > 0 && need > g.Affinity {
		note := fmt.Sprintf("%s here, but only %s may be used: the job oversubscribes them", text.Plural(need, "thread"), text.Plural(g.Affinity, "processor"))
		notes = append(notes, note)
		if !g.Overcommit {
			over = note
		}
	}
	return notes, over, nil
}
