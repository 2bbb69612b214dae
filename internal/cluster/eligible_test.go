package cluster_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

func inventory() []slurm.Node {
	var nodes []slurm.Node
	for _, n := range []struct {
		name, parts, features, state string
	}{
		{"hsw1", "main,old", "haswell avx2", "idle"}, {"hsw2", "main,old", "haswell avx2", "down"},
		{"skx1", "main", "skylake_avx512 avx512", "allocated"}, {"skx2", "main", "skylake_avx512 avx512", "idle"},
		{"zen1", "main,zen", "zen4 avx512", "idle"}, {"zen2", "main,zen", "zen4 avx512", "drained"},
	} {
		f := strings.Fields(n.features)
		nodes = append(nodes, slurm.Node{Name: n.name, Partitions: strings.Split(n.parts, ","), State: n.state,
			Features: f, Active: f, Sockets: 1, Cores: 4, Threads: 1, CPUs: 4, MemoryMiB: 8000})
	}
	return nodes
}

func TestEligible(t *testing.T) {
	for _, c := range []struct {
		name string
		r    cluster.Request
		want string // a host list, or the beginning of the error
	}{
		{"the default partition", cluster.Request{}, "hsw[1-2],skx[1-2],zen[1-2]"},
		{"one partition, whatever the state", cluster.Request{Partition: "zen"}, "zen[1-2]"},
		{"several partitions", cluster.Request{Partition: "old,zen"}, "hsw[1-2],zen[1-2]"},
		{"constraint", cluster.Request{Constraint: "avx512"}, "skx[1-2],zen[1-2]"},
		{"constraint and exclude", cluster.Request{Constraint: "avx512", Exclude: "zen[1-2]"}, "skx[1-2]"},
		{"nodelist", cluster.Request{Nodelist: "hsw1,zen2", Nodes: 2}, "hsw1,zen2"},
		{"a nodelist that is too short gets others", cluster.Request{Nodelist: "hsw1", Nodes: 2}, "hsw[1-2],skx[1-2],zen[1-2]"},
		{"nothing left", cluster.Request{Partition: "zen", Constraint: "haswell"}, `constraint "haswell" leaves no node of the 2`},
		{"all excluded", cluster.Request{Partition: "old", Exclude: "hsw[1-9]"}, `exclude "hsw[1-9]" leaves no node of the 2`},
		{"no such partition", cluster.Request{Partition: "gpu"}, `partition "gpu" has no nodes here`},
		{"not a constraint", cluster.Request{Constraint: "(haswell"}, "slurm.constraint: not a constraint"},
	} {
		nodes, err := cluster.Eligible(inventory(), c.r, "main")
		got := ""
		if err != nil {
			got = err.Error()
			var no *fault.Error
			if !errors.As(err, &no) {
				t.Errorf("%s: %T", c.name, err)
			}
		} else {
			var names []string
			for _, n := range nodes {
				names = append(names, n.Name)
			}
			got = hostlist.Compress(names)
		}
		if got != c.want && (err == nil || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	for want, nodes := range map[string][]slurm.Node{"no partition is asked for": inventory(), "the cluster shows no nodes": nil} {
		if _, err := cluster.Eligible(nodes, cluster.Request{}, ""); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestMinNodes(t *testing.T) {
	for text, want := range map[string]int{
		"": 1, "nodes=4": 4, "nodes=2-8": 2, "nodes=1k": 1024, "nodes=2,4-8:2": 2, "nodes=junk": 1,
		"ntasks=64 ntasks-per-node=16": 4, "ntasks=65 ntasks-per-node=16": 5, "ntasks=64": 1, "nodes=3 ntasks=64 ntasks-per-node=16": 3,
	} {
		var o sbatch.Options
		for _, w := range strings.Fields(text) {
			name, value, _ := strings.Cut(w, "=")
			o = o.Set(name, value)
		}
		if got := cluster.MinNodes(o); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
