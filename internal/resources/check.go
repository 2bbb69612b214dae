package resources

import (
	"fmt"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
)

func expand(counts string) []int {
	if counts == "" {
		return nil
	}
	list, err := slurm.ExpandCounts(counts)
	if err != nil {
		return nil
	}
	return list
}

// fits refuses what would run more threads than the cores it is given, on any
// node there is.
func fits(r Request, l Layout, nodes []Node, w Wishes) error {
	if w.PerTask > l.CPUsPerTask && !r.Overcommit {
		return fault.New(
			fmt.Sprintf("threads.per-task is %d, but slurm.cpus-per-task gives a task %s", w.PerTask, text.Plural(l.CPUsPerTask, "CPU")),
			fmt.Sprintf("set slurm.cpus-per-task: %d, or leave per-task out", w.PerTask),
		)
	}
	if r.Overcommit || len(nodes) == 0 {
		return nil
	}
	perNode := max(l.Uniform(), 1)
	var tooMany, tooSmall *fault.Error
	for _, n := range nodes {
		k := n.CPUsPerThread(r)
		cores := Cores(l.CPUsPerTask, k, w.WholeCores)
		switch have := n.UsableCPUs(r); {
		case have > 0 && perNode*l.CPUsPerTask > have:
			tooSmall = fault.New(
				fmt.Sprintf("%s a node with %s each need %d CPUs, and no node it may use has more than %d%s",
					text.Plural(perNode, "task"), text.Plural(l.CPUsPerTask, "CPU"), perNode*l.CPUsPerTask, mostCPUs(nodes, r), hinted(r)),
				"ask for more nodes, or for fewer tasks or CPUs",
			)
		case w.PerTask > cores:
			tooMany = fault.New(
				fmt.Sprintf("threads.per-task is %d, but the %s of a task are %s", w.PerTask, text.Plural(l.CPUsPerTask, "CPU"), text.Plural(cores, "core")),
				fmt.Sprintf("set slurm.cpus-per-task: %d, or slurm.hint: multithread if hardware threads are meant", w.PerTask*k),
			)
		default:
			return nil
		}
	}
	// A nil *fault.Error would not be a nil error.
	if tooMany != nil {
		return tooMany
	}
	if tooSmall != nil {
		return tooSmall
	}
	return nil
}

func mostCPUs(nodes []Node, r Request) int {
	most := 0
	for _, n := range nodes {
		most = max(most, n.UsableCPUs(r))
	}
	return most
}

func hinted(r Request) string {
	if r.Hint == "nomultithread" || r.ThreadsPerCore > 0 {
		return " with that many threads of each core"
	}
	return ""
}

// advice is what is known to hurt, in words.
func advice(r Request, l Layout, nodes []Node) (notes []string) {
	socket, shared := 0, false
	for _, n := range nodes {
		socket = max(socket, n.Cores)
		k := n.CPUsPerCore(r)
		if k > 1 && r.Hint != "multithread" && r.PerCore != 1 && l.CPUsPerTask < k && l.Tasks > 1 {
			shared = true
		}
	}
	if shared {
		notes = append(notes, fmt.Sprintf("with %s a task, tasks share cores on nodes with several hardware threads a core; slurm.hint: nomultithread gives each a core", text.Plural(l.CPUsPerTask, "CPU")))
	}
	if socket > 0 && l.ThreadsPerTask > socket {
		notes = append(notes, fmt.Sprintf("%d threads a task, and a socket has %s: memory of the other socket is slower; more tasks with fewer threads often run faster", l.ThreadsPerTask, text.Plural(socket, "core")))
	}
	if r.Overcommit {
		notes = append(notes, "slurm.overcommit: more tasks than CPUs are wanted, so nothing is refused for that")
	}
	if r.Exclusive && len(nodes) > 0 {
		used := max(l.Uniform(), ceil(l.Tasks, max(l.MinNodes, 1))) * l.CPUsPerTask
		least := 0
		for _, n := range nodes {
			if c := n.UsableCPUs(r); least == 0 || c < least {
				least = c
			}
		}
		if used < least {
			notes = append(notes, fmt.Sprintf("slurm.exclusive takes whole nodes of %s and more, the tasks of a node use %d: slurm.cpus-per-task is how a task gets more threads", text.Plural(least, "CPU"), used))
		}
	}
	return notes
}
