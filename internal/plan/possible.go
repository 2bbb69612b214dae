package plan

import (
	"fmt"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// possible refuses what no set of the eligible nodes could ever give, before
// anything is built for it. Where a number cannot be told it is left to Slurm.
func possible(o sbatch.Options, r resources.Request, classes []cluster.Class) error {
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
	if need := r.LeastNodes(); need > have {
		return fault.New(fmt.Sprintf("slurm: the job needs %s, and %s eligible", text.Plural(need, "node"), isAre(have)),
			"ask for fewer nodes, or for another partition or constraint: nixbatch nodes lists them")
	}
	name, words, need := memoryPerNode(o, r)
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
func memoryPerNode(o sbatch.Options, r resources.Request) (name, words string, mib int64) {
	m, ok := o.Memory()
	each, err := slurm.ParseSize(m.Value)
	switch {
	case !ok || err != nil || m.Name == "mem-per-gpu":
		return "", "", 0
	case m.Name == "mem":
		return m.Name, "", each
	}
	cpus := int64(r.TasksOfFullest()) * int64(max(r.CPUsPerTask, 1))
	if each > (1<<62)/cpus {
		return "", "", 0
	}
	return m.Name, fmt.Sprintf(" (%s for each of %s)", slurm.FormatSize(each), text.Plural(int(cpus), "CPU")), each * cpus
}
