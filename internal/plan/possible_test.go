package plan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
)

// What no eligible node can give is refused with both numbers; what Slurm may
// yet find a way for is not.
func TestImpossibleRequests(t *testing.T) {
	for options, want := range map[string]string{
		"nodes: 4":                                         "",
		"nodes: 5":                                         "slurm: the job needs 5 nodes, and 4 nodes are eligible",
		"nodes: 2-9":                                       "",
		"nodes: 5-9":                                       "slurm: the job needs 5 nodes, and 4 nodes are eligible",
		"ntasks: 10; ntasks-per-node: 2":                   "slurm: the job needs 5 nodes, and 4 nodes are eligible",
		"mem: 64000":                                       "",
		"mem: 0":                                           "",
		"mem: 63G":                                         "slurm.mem: the job needs 63G of memory on a node, and the largest eligible node has 64000M",
		"nodes: 2; mem: 900G":                              "slurm.mem: the job needs 900G of memory on a node, and the largest eligible node has 64000M",
		"mem-per-cpu: 63G":                                 "slurm.mem-per-cpu: the job needs 63G of memory on a node (63G for each of 1 CPU), and the largest eligible node has 64000M",
		"cpus-per-task: 8; mem-per-cpu: 8000":              "",
		"cpus-per-task: 8; mem-per-cpu: 8001":              "slurm.mem-per-cpu: the job needs 64008M of memory on a node (8001M for each of 8 CPUs)",
		"ntasks: 16; mem-per-cpu: 8000":                    "", // may be on four nodes
		"nodes: 1; ntasks: 16; mem-per-cpu: 8000":          "slurm.mem-per-cpu: the job needs 125G of memory on a node (8000M for each of 16 CPUs)",
		"nodes: 2; ntasks: 16; mem-per-cpu: 8000":          "",
		"nodes: 1-2; ntasks: 16; mem-per-cpu: 8000":        "",
		"nodes: 1-2; ntasks: 17; mem-per-cpu: 8000":        "72000M of memory on a node (8000M for each of 9 CPUs)",
		"nodes: 2; ntasks-per-node: 16; mem-per-cpu: 8000": "for each of 16 CPUs",
		"nodes: 4; ntasks: 16; ntasks-per-node: 16; mem-per-cpu: 8000":      "", // an upper bound there
		"nodes: 2; ntasks-per-node: 2; cpus-per-task: 4; mem-per-cpu: 8001": "64008M of memory on a node (8001M for each of 8 CPUs)",
		"nodes: 2; ntasks-per-node: 2; cpus-per-task: 4; mem-per-cpu: 8000": "",
	} {
		cs := classes(t, "hsw[1-2] haswell", "skx[1-2] skylake-sp")
		cs[0].MemoryMiB = 1000
		_, err := plan.Make(input(t, job(t, "", options), cs))
		var pe *fault.Error
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", options, err)
		case want != "" && (!errors.As(err, &pe) || !strings.Contains(err.Error(), want) || pe.Hint() == ""):
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
	// Where slurm.conf is silent about the memory of a node, so are we.
	cs := classes(t, "hsw[1-2] haswell", "skx[1-2] skylake-sp")
	cs[0].MemoryMiB = 1
	if _, err := plan.Make(input(t, job(t, "", "mem: 900G"), cs)); err != nil {
		t.Error(err)
	}
}

// A directory that no #SBATCH line can carry is named, with the way out.
func TestDirectoriesNoLineCanHold(t *testing.T) {
	for dir, want := range map[string]string{
		"/home/a\nb":   "has a line break in its name",
		"/home/a\tb":   "has the control character U+0009",
		"/home/a\x1bb": "has the control character U+001B",
		"/home/a\xffb": "has a name that is not UTF-8",
		"/home/a b%ü":  "",
	} {
		err := plan.CheckDir(dir)
		var pe *fault.Error
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", dir, err)
		case want != "" && (!errors.As(err, &pe) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(pe.Hint(), "rename the directory")):
			t.Errorf("%q: %v", dir, err)
		}
	}
}
