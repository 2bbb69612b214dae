package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/testbed"
)

// A cluster with accounting whose controller forgets jobs at once: what squeue
// does not know any more, sacct tells, for jobs and for tasks; while slurmdbd is
// down, nothing is called completed that nobody saw, and nothing gets lost.
func TestAccounting(t *testing.T) {
	t.Parallel()
	shared := bed(t)
	c, err := testbed.Start(t.Context(), testbed.Options{NoNix: true, Accounting: true, ExtraConf: "MinJobAge=2",
		Classes: []testbed.Class{{Name: "n", Nodes: 2, Sockets: 1, Cores: 8, Threads: 1, MemoryMiB: 8000, Features: []string{"x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := &site{t: t, c: c, dir: t.TempDir(), bin: filepath.Join(shared.Dir, "bin", "nixbatch")}
	env, err := place(c, s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.env = append(env, "PATH="+os.Getenv("PATH"))
	gone := func(names ...string) {
		t.Helper()
		for _, name := range names {
			until(t, name+" to leave the queue", func() bool {
				jobs, err := queued(c, name)
				return err == nil && len(jobs) == 0
			})
		}
	}
	s.job("waits", small+", hold: true", "", ":")
	s.job("many", small, "sweep: {matrix: {n: [0, 1, 2]}}\n", "exit $n")
	s.job("fails", small, "", "exit 7")
	for _, name := range []string{"waits", "many", "fails"} {
		s.must("submit", name+".yaml")
	}
	s.slurm("scancel", fmt.Sprint(s.state("waits").JobID))
	// Nobody looked while the queue still knew them.
	gone("waits", "many", "fails")
	s.reaches("waits", "cancelled", "")
	s.reaches("many", "failed", "completed 1, failed 2")
	s.reaches("fails", "failed", "exit code 7")
	s.why("fails", "it failed (exit code 7)", "memory    used")

	// An outage.
	s.job("lost", small+", hold: true", "", ":")
	s.must("submit", "lost.yaml")
	id := fmt.Sprint(s.state("lost").JobID)
	if err := c.StopAccounting(); err != nil {
		t.Fatal(err)
	}
	s.slurm("scancel", id)
	gone("lost")
	code, out, diag := s.run("status", "lost")
	if code != 5 || !strings.Contains(out, " unknown ") || !strings.Contains(diag, "nixbatch: ") {
		t.Errorf("during the outage: %d\n%s%s", code, out, diag)
	}
	if err := c.StartAccounting(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.reaches("lost", "cancelled", "")
}
