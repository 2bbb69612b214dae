package resources

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Layout is how many tasks run where, and what one of them may use.
type Layout struct {
	MinNodes int `json:"min_nodes"`
	MaxNodes int `json:"max_nodes,omitempty"` // 0 when Slurm decides
	// Tasks of the job. With a range of nodes, those on the least number.
	Tasks int `json:"tasks"`
	// TasksPerNode is written as Slurm does, "16(x2),8"; "" when Slurm decides.
	TasksPerNode   string `json:"tasks_per_node,omitempty"`
	CPUsPerTask    int    `json:"cpus_per_task"`    // of Slurm's
	CPUsPerThread  int    `json:"cpus_per_thread"`  // CPUs for each thread: those of a core, unless hardware threads were asked for
	ThreadsPerTask int    `json:"threads_per_task"` // T: physical cores a task may use
}

// PerNode is the tasks of each node, nil when Slurm decides.
func (l Layout) PerNode() []int { return expand(l.TasksPerNode) }

// Uniform is the number of tasks that every node has, 0 when they differ or
// are not known.
func (l Layout) Uniform() int {
	per := l.PerNode()
	if len(per) == 0 || slices.ContainsFunc(per, func(n int) bool { return n != per[0] }) {
		return 0
	}
	return per[0]
}

// Wishes are the job file's own words about threads.
type Wishes struct {
	PerTask int // threads a task; 0 is auto
	// WholeCores says that the cluster gives tasks whole cores (CR_Core).
	WholeCores bool
	// Ranks says that all tasks are started, by a launcher.
	Ranks bool
}

// Plan works the layout out before the job runs. nodes are the kinds of nodes
// that the job may land on; none where nothing is known. A *fault.Error says that
// no such node can take the job without more threads than cores.
func Plan(r Request, nodes []Node, w Wishes) (l Layout, notes []string, err error) {
	l.MinNodes, l.MaxNodes = r.MinNodes, r.MaxNodes
	l.CPUsPerTask = 1
	l.Tasks = r.tasks()
	switch per := r.gpusPerTask(l.Tasks, max(r.MinNodes, 1)); {
	case r.CPUsPerTask > 0:
		l.CPUsPerTask = r.CPUsPerTask
	case r.CPUsPerGPU > 0 && r.GPUs+r.GPUsPerNode+r.GPUsPerTask > 0:
		// Tasks that share a GPU share its CPUs.
		l.CPUsPerTask = max(r.CPUsPerGPU*per[0]/per[1], 1)
	}
	if l.MinNodes == 0 {
		l.MinNodes = r.leastNodes(l.Tasks, l.CPUsPerTask, nodes)
		if l.Tasks == 1 || r.PerNode > 0 && r.Tasks == 0 {
			l.MaxNodes = l.MinNodes
		}
	}
	l.TasksPerNode = r.spread(l)
	l.threads(r, nodes, w, &notes)
	if err := fits(r, l, nodes, w); err != nil {
		return l, notes, err
	}
	if w.Ranks && l.Tasks > 1 && l.TasksPerNode == "" {
		notes = append(notes, fmt.Sprintf("how the %d tasks are spread over nodes is for Slurm to decide; slurm.nodes and slurm.ntasks-per-node fix it", l.Tasks))
	}
	return l, append(notes, advice(r, l, nodes)...), nil
}

// tasks follows sbatch(1): --ntasks; else tasks a node or a GPU times those;
// else one for each node.
func (r Request) tasks() int {
	n := max(r.MinNodes, 1)
	gpus := r.GPUs
	if gpus == 0 {
		gpus = r.GPUsPerNode * n
	}
	switch {
	case r.Tasks > 0:
		return r.Tasks
	case r.PerNode > 0:
		return r.PerNode * n
	case r.PerGPU > 0 && gpus > 0:
		return r.PerGPU * gpus
	case r.GPUsPerTask > 0 && gpus >= r.GPUsPerTask:
		return gpus / r.GPUsPerTask
	}
	return n
}

// gpusPerTask is a fraction: GPUs for so many tasks.
func (r Request) gpusPerTask(tasks, nodes int) [2]int {
	switch {
	case r.GPUsPerTask > 0:
		return [2]int{r.GPUsPerTask, 1}
	case r.PerGPU > 0:
		return [2]int{1, r.PerGPU}
	case r.GPUs > 0:
		return [2]int{r.GPUs, tasks}
	}
	return [2]int{r.GPUsPerNode * nodes, tasks}
}

// leastNodes is on how few nodes the tasks fit, the largest nodes first.
func (r Request) leastNodes(tasks, cpus int, nodes []Node) int {
	if r.Overcommit {
		return 1
	}
	if r.PerNode > 0 {
		return ceil(tasks, r.PerNode)
	}
	kinds := slices.Clone(nodes)
	slices.SortStableFunc(kinds, func(a, b Node) int { return b.most(r, cpus) - a.most(r, cpus) })
	n, left := 0, tasks
	for _, k := range kinds {
		fit := k.most(r, cpus)
		if fit == 0 {
			break
		}
		take := min(ceil(left, fit), k.Count)
		n, left = n+take, left-take*fit
		if left <= 0 {
			return n
		}
	}
	return max(n, 1)
}

// most is how many tasks of cpus CPUs one node of the kind can take.
func (n Node) most(r Request, cpus int) int {
	fit := n.UsableCPUs(r) / max(cpus, 1)
	if r.PerCore > 0 && n.AllCores() > 0 {
		fit = min(fit, n.AllCores()*r.PerCore)
	}
	if r.PerSocket > 0 && n.Sockets > 0 {
		fit = min(fit, n.Sockets*r.PerSocket)
	}
	return fit
}

// spread is the tasks of each node where the request leaves no choice: Slurm
// uses every node of a fixed number, and no more tasks than asked for on any.
func (r Request) spread(l Layout) string {
	n := l.MinNodes
	switch {
	case l.MaxNodes != n:
		return ""
	case n == 1:
		return Counts([]int{l.Tasks})
	case l.Tasks == n:
		return repeated(1, n)
	case r.PerNode > 0 && l.Tasks == n*r.PerNode:
		return repeated(r.PerNode, n)
	}
	return ""
}

// threads works T out: for nodes that differ the least of them, and the node
// says which it is.
func (l *Layout) threads(r Request, nodes []Node, w Wishes, notes *[]string) {
	l.CPUsPerThread = limitThreads(1, r.ThreadsPerCore, r.Hint)
	for i, n := range nodes {
		k := n.CPUsPerThread(r)
		t := Cores(l.CPUsPerTask, k, w.WholeCores)
		if i == 0 {
			l.CPUsPerThread, l.ThreadsPerTask = k, t
			continue
		}
		if t != l.ThreadsPerTask {
			*notes = append(*notes, fmt.Sprintf("the nodes differ in hardware threads a core: a task has %d or %d cores, which the node finds out", min(t, l.ThreadsPerTask), max(t, l.ThreadsPerTask)))
			if t < l.ThreadsPerTask {
				l.CPUsPerThread, l.ThreadsPerTask = k, t
			}
			break
		}
	}
	if len(nodes) == 0 {
		l.ThreadsPerTask = Cores(l.CPUsPerTask, l.CPUsPerThread, w.WholeCores)
	}
	if w.PerTask > 0 {
		l.ThreadsPerTask = w.PerTask
	}
}

// Counts writes counts as Slurm does: 72, 72, 36 is "72(x2),36".
func Counts(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j] == list[i] {
			j++
		}
		parts = append(parts, repeated(list[i], j-i))
		i = j
	}
	return strings.Join(parts, ",")
}

func repeated(n, times int) string {
	if times == 1 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d(x%d)", n, times)
}
