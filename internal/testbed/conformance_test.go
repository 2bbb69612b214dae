package testbed_test

import (
	"testing"

	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/slurmtest"
)

// What slurmtest's fake passes, the real Slurm passes too.
func TestConformance(t *testing.T) {
	c := testbed.ForTest(t)
	slurmtest.Conformance(t, func(t *testing.T) slurmtest.Cluster {
		return slurmtest.Cluster{
			Client:    &slurm.Client{Env: c.Env()},
			Partition: "skx", Nodes: []string{"skx1", "skx2"},
			Node: "skx2", Feature: "skylake_avx512",
			Args: []string{"--output=/dev/null", "--chdir=" + c.Dir},
		}
	})
}
