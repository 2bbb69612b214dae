package plan

import (
	"fmt"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// possible refuses what no set of the eligible nodes could ever give, before
// anything is built for it. Where a number cannot be told it is left to Slurm.
func possible(o sbatch.Options, classes []cluster.Class) error {
	if len(classes) == 0 {
		return nil
	}
	have, largest := 0, int64(0)
	for _, c := range classes {
		have += len(c.Nodes)
		if c.MemoryMiB <= 1 { // slurm.conf's default where nothing is said
			largest = -1
		}
		if largest >= 0 {
			largest = max(largest, c.MemoryMiB)
		}
	}
	if need := cluster.MinNodes(o); need > have {
		return fault.New(fmt.Sprintf("slurm: the job needs %s, and %s eligible", plural(need, "node"), isAre(have)),
			"ask for fewer nodes, or for another partition or constraint: nixbatch nodes lists them")
	}
	name, words, need := memoryPerNode(o)
	if largest > 0 && need > largest {
		return fault.New(fmt.Sprintf("slurm.%s: the job needs %s of memory on a node%s, and the largest eligible node has %s",
			name, slurm.FormatSize(need), words, slurm.FormatSize(largest)),
			"ask for less memory, or for another partition or constraint: nixbatch nodes lists them")
	}
	return nil
}

func isAre(nodes int) string {
	if nodes == 1 {
		return "1 node is"
	}
	return fmt.Sprintf("%d nodes are", nodes)
}

// memoryPerNode is what the fullest node has to give at the least, in MiB; 0
// where the job does not say.
func memoryPerNode(o sbatch.Options) (name, words string, mib int64) {
	m, ok := o.Memory()
	each, err := slurm.ParseSize(m.Value)
	switch {
	case !ok || err != nil || m.Name == "mem-per-gpu":
		return "", "", 0
	case m.Name == "mem":
		return m.Name, "", each
	}
	cpus := int64(tasksOfFullest(o)) * int64(max(cluster.Number(o, "cpus-per-task"), 1))
	if cpus <= 0 || each > (1<<62)/cpus {
		return "", "", 0
	}
	return m.Name, fmt.Sprintf(" (%s for each of %s)", slurm.FormatSize(each), plural(int(cpus), "CPU")), each * cpus
}

// tasksOfFullest is how many tasks at the least some node gets: with ntasks,
// ntasks-per-node is an upper bound (sbatch(1)), and without nodes there may be
// a node for each task.
func tasksOfFullest(o sbatch.Options) int {
	tasks, perNode := cluster.Number(o, "ntasks"), cluster.Number(o, "ntasks-per-node")
	if tasks == 0 {
		return max(perNode, 1)
	}
	most := mostNodes(o)
	if most == 0 {
		return 1
	}
	return max((tasks+most-1)/most, 1)
}

// mostNodes is the largest number of nodes that the job may get; 0 where that
// is not bounded.
func mostNodes(o sbatch.Options) int {
	v, ok := o.Get("nodes")
	_, most, err := slurm.ParseNodes(v)
	if !ok || err != nil {
		return 0
	}
	return most
}
