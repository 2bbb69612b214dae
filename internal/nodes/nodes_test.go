package nodes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nodes"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/slurmtest"
)

// question is about a cluster of three nodes of two kinds, in memory.
func question(t *testing.T, env ...string) (nodes.Question, *slurmtest.Fake) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("NIXBATCH_SITE_DIR", filepath.Join(dir, "site"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	project, err := rundir.Near(dir)
	if err != nil {
		t.Fatal(err)
	}
	node := func(name, partition, feature string, cpus int) slurm.Node {
		return slurm.Node{Name: name, Partitions: []string{partition}, Features: []string{feature}, Active: []string{feature},
			CPUs: cpus, Sockets: 1, Cores: cpus, Threads: 1, State: "idle"}
	}
	fake := &slurmtest.Fake{NodeList: []slurm.Node{node("n1", "main", "old", 4), node("n2", "main", "old", 4), node("n3", "big", "new", 8)}}
	return nodes.Question{
		Client: &slurm.Client{Runner: fake, Env: []string{"SLURM_CLUSTERS=here"}}, Project: project,
		Getenv: func(name string) string {
			for _, kv := range env {
				if v, ok := strings.CutPrefix(kv, name+"="); ok {
					return v
				}
			}
			return os.Getenv(name)
		},
	}, fake
}

// Nodes that Slurm describes alike are one class; a partition narrows them, and
// one that is not there is an error.
func TestAsk(t *testing.T) {
	q, _ := question(t)
	out, err := q.Ask(t.Context())
	if err != nil || len(out.Classes) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	q.Partition = "big"
	if out, err = q.Ask(t.Context()); err != nil || len(out.Classes) != 1 || len(out.Classes[0].Nodes) != 1 || out.Classes[0].Known != nil {
		t.Errorf("%+v, %v", out, err)
	}
	q.Partition = "none"
	if _, err = q.Ask(t.Context()); fault.KindOf(err) != fault.Input || fault.Hint(err) == "" {
		t.Errorf("%v", err)
	}
}

// Nothing is learnt from CPUs that are faked: no probe is sent.
func TestFakedCPUs(t *testing.T) {
	q, fake := question(t, cpuflags.EnvCPUInfo+"=zen4")
	q.Probe = true
	if _, err := q.Ask(t.Context()); fault.KindOf(err) != fault.Input || fault.Hint(err) == "" {
		t.Errorf("%v", err)
	}
	if calls := fake.Calls(); len(calls) > 0 {
		t.Errorf("%+v", calls)
	}
}
