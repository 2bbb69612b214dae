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
		r    cluster.Place
		want string // a host list, or the beginning of the error
	}{
		{"the default partition", cluster.Place{}, "hsw[1-2],skx[1-2],zen[1-2]"},
		{"one partition, whatever the state", cluster.Place{Partition: "zen"}, "zen[1-2]"},
		{"several partitions", cluster.Place{Partition: "old,zen"}, "hsw[1-2],zen[1-2]"},
		{"constraint", cluster.Place{Constraint: "avx512"}, "skx[1-2],zen[1-2]"},
		{"constraint and exclude", cluster.Place{Constraint: "avx512", Exclude: "zen[1-2]"}, "skx[1-2]"},
		{"nodelist", cluster.Place{Nodelist: "hsw1,zen2", Nodes: 2}, "hsw1,zen2"},
		{"a nodelist that is too short gets others", cluster.Place{Nodelist: "hsw1", Nodes: 2}, "hsw[1-2],skx[1-2],zen[1-2]"},
		{"nothing left", cluster.Place{Partition: "zen", Constraint: "haswell"}, `constraint "haswell" leaves no node of the 2`},
		{"all excluded", cluster.Place{Partition: "old", Exclude: "hsw[1-9]"}, `exclude "hsw[1-9]" leaves no node of the 2`},
		{"no such partition", cluster.Place{Partition: "gpu"}, `partition "gpu" has no nodes here`},
		{"not a constraint", cluster.Place{Constraint: "(haswell"}, "slurm.constraint: not a constraint"},
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
		if _, err := cluster.Eligible(nodes, cluster.Place{}, ""); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestPlaceOf(t *testing.T) {
	got := cluster.PlaceOf(sbatch.Options{{Name: "partition", Value: "a,b"}, {Name: "constraint", Value: "ib"}, {Name: "nodelist", Value: "n[1-2]"},
		{Name: "exclude", Value: "n3"}, {Name: "ntasks", Value: "64"}, {Name: "ntasks-per-node", Value: "16"}})
	if want := (cluster.Place{Partition: "a,b", Constraint: "ib", Nodelist: "n[1-2]", Exclude: "n3", Nodes: 4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := cluster.PlaceOf(sbatch.Options{{Name: "nodes", Value: "junk"}}); got.Nodes != 1 {
		t.Errorf("%+v", got)
	}
}
