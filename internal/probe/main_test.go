package probe_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/agent"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// The test program is the agent of its own probes, as nixbatch is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "probe" {
		if os.Getenv("SLURM_JOB_PARTITION") == brokenPartition {
			os.Exit(1)
		}
		agent.Simulated = "yes" // one machine plays all nodes
		if err := agent.Probe(os.Args[2], os.Getenv, time.Now()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testbed.Main(m)
}

// brokenPartition is where probes end without an answer.
const brokenPartition = "short"
