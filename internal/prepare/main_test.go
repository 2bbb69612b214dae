package prepare_test

import (
	"fmt"
	"os"
	"path/filepath"
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

// inBed gives the test the environment of a cluster whose classes have these
// saved CPUs, and a working directory of its own. It returns the directory.
func inBed(t *testing.T, bed *testbed.Cluster, cpus map[string]string) string {
	t.Helper()
	for name, file := range cpus {
		if err := bed.SetCPUInfo(name, filepath.Join("../../cpuflags/testdata/cpuinfo", file+".txt")); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range bed.Unset() {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	for name, value := range bed.Vars() {
		t.Setenv(name, value)
	}
	// Each test knows nothing but what it learns itself.
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("NIXBATCH_SITE_DIR", filepath.Join(dir, "etc"))
	t.Chdir(dir)
	return dir
}
