// Package resources is the one model of what a job's tasks may use: from
// Slurm's options and the nodes it may land on before the job runs, and from
// what Slurm says it gave once it does.
//
// It promises to be pure, and that every number elsewhere (the thread
// variables, srun's and mpirun's arguments, the record) comes from a Layout
// made here. What Slurm alone decides is left empty, never guessed. It never
// reads the environment by itself and never asks Slurm.
package resources

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Request is what a job asks for; 0 and "" where it says nothing.
type Request struct {
	MinNodes, MaxNodes                     int
	Tasks                                  int
	PerNode, PerSocket, PerCore            int // ntasks-per-…: exact for a node without ntasks, else the most
	CPUsPerTask                            int
	CPUsPerGPU                             int
	GPUs, GPUsPerNode, GPUsPerTask, PerGPU int // PerGPU is ntasks-per-gpu
	ThreadsPerCore                         int
	Hint                                   string
	Exclusive, Overcommit                  bool
}

// FromOptions reads the request out of sbatch's options. Values that jobspec
// let through are never an error.
func FromOptions(o sbatch.Options) (Request, error) {
	var r Request
	for name, to := range map[string]*int{
		"ntasks": &r.Tasks, "ntasks-per-node": &r.PerNode, "ntasks-per-socket": &r.PerSocket, "ntasks-per-core": &r.PerCore,
		"cpus-per-task": &r.CPUsPerTask, "cpus-per-gpu": &r.CPUsPerGPU, "ntasks-per-gpu": &r.PerGPU, "threads-per-core": &r.ThreadsPerCore,
	} {
		v, ok := o.Get(name)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > math.MaxInt32 {
			return r, fmt.Errorf("slurm.%s: %q is not a number above zero", name, v)
		}
		*to = n
	}
	if v, ok := o.Get("nodes"); ok {
		var err error
		if r.MinNodes, r.MaxNodes, err = slurm.ParseNodes(v); err != nil {
			return r, fmt.Errorf("slurm.nodes: %w", err)
		}
	}
	for name, to := range map[string]*int{"gpus": &r.GPUs, "gpus-per-node": &r.GPUsPerNode, "gpus-per-task": &r.GPUsPerTask} {
		if v, ok := o.Get(name); ok {
			*to = amount(v)
		}
	}
	if v, ok := o.Get("gres"); ok && r.GPUsPerNode == 0 {
		r.GPUsPerNode = gresGPUs(v)
	}
	if v, ok := o.Get("tres-per-task"); ok {
		for _, part := range strings.Split(v, ",") {
			// "cpu=2" since 23.11, "cpu:2" since 24.05.
			name, num, found := strings.Cut(strings.ReplaceAll(part, ":", "="), "=")
			if n, err := strconv.Atoi(num); found && err == nil && n > 0 && name == "cpu" && r.CPUsPerTask == 0 {
				r.CPUsPerTask = n
			}
		}
	}
	r.Hint, _ = o.Get("hint")
	if mode, ok := o.Get("exclusive"); ok && mode == "" {
		r.Exclusive = true
	}
	_, r.Overcommit = o.Get("overcommit")
	return r, nil
}

// LeastNodes is the least number of nodes that it asks for: of nodes, or as many
// as its tasks need with so many a node; 1 where neither says more.
func (r Request) LeastNodes() int {
	switch {
	case r.MinNodes > 0:
		return r.MinNodes
	case r.Tasks > 0 && r.PerNode > 0:
		return ceil(r.Tasks, r.PerNode)
	}
	return 1
}

// LeastCPUs is the number of CPUs that all tasks need, as far as that is said.
func (r Request) LeastCPUs() int { return max(r.Tasks, 1) * max(r.CPUsPerTask, 1) }

// TasksOfFullest is how many tasks at the least some node gets: with ntasks,
// ntasks-per-node is an upper bound (sbatch(1)), and without nodes there may be
// a node for each task.
func (r Request) TasksOfFullest() int {
	switch {
	case r.Tasks == 0:
		return max(r.PerNode, 1)
	case r.MaxNodes == 0:
		return 1
	}
	return ceil(r.Tasks, r.MaxNodes)
}

// TasksOfEach is how many tasks every node gets; 0 where that is left to Slurm.
func (r Request) TasksOfEach() int {
	nodes := r.MinNodes
	if r.MaxNodes != nodes {
		nodes = 0 // of a range it is not known how many there will be
	}
	switch {
	case r.PerNode > 0:
		return r.PerNode
	case nodes == 1 || nodes == 0 && r.Tasks <= 1:
		// sbatch gives one task where none is asked for; a single one is on one node.
		return max(r.Tasks, 1)
	case nodes > 0 && r.Tasks%nodes == 0:
		return r.Tasks / nodes
	}
	return 0
}

// amount reads 4, a100:2 and a100:2,v100:1, the sum of them.
func amount(v string) int {
	sum := 0
	for _, part := range strings.Split(v, ",") {
		_, num, typed := strings.Cut(part, ":")
		if !typed {
			num = part
		}
		n, _ := strconv.Atoi(num)
		sum += n
	}
	return sum
}

// gresGPUs is the GPUs of a node in a list such as gpu:a100:2,shard:1.
func gresGPUs(v string) int {
	sum := 0
	for _, part := range strings.Split(v, ",") {
		words := strings.Split(strings.TrimPrefix(part, "gres/"), ":")
		if words[0] != "gpu" {
			continue
		}
		// gpu and gpu:a100 are one each.
		n, err := strconv.Atoi(words[len(words)-1])
		if err != nil {
			n = 1
		}
		sum += n
	}
	return sum
}

func ceil(a, b int) int { return (a + b - 1) / b }
