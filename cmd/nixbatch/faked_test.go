package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// A CPU that NIXBATCH_CPUINFO fakes is never learnt, neither by a job nor by a
// probe, and the record says that it was faked; the machine's own is learnt. The
// program is as it is built for users: that of the other tests plays several
// machines.
func TestFakedCPUIsNotLearnt(t *testing.T) {
	t.Parallel()
	s := localSite(t)
	s.bin = filepath.Join(t.TempDir(), "nixbatch")
	if _, err := (proc.System{}).Run(t.Context(), proc.Cmd{Path: "go", Args: []string{"build", "-buildvcs=false", "-o", s.bin, "."}}); err != nil {
		t.Fatal(err)
	}
	own := slices.Clone(s.env)
	fake, err := filepath.Abs(cpuinfo("haswell.txt"))
	if err != nil {
		t.Fatal(err)
	}
	learnt := filepath.Join(s.dir, ".nixbatch", "learnt")
	names := func() (out []string) {
		entries, err := os.ReadDir(learnt)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			out = append(out, e.Name())
		}
		return out
	}
	s.job("fake", "time: 5", "", "echo done")
	s.env = append(slices.Clone(own), "NIXBATCH_CPUINFO="+fake)
	s.must("submit", "--local", "fake.yaml")
	if out := s.must("record", "verify", "fake"); !strings.Contains(out, "faked through NIXBATCH_CPUINFO") {
		t.Errorf("verify:\n%s", out)
	}
	if code, _, diag := s.run("probe", learnt); code == 0 || !strings.Contains(diag, "nothing is learnt from it") {
		t.Errorf("probe on a node: exit code %d\n%s", code, diag)
	}
	if code, _, diag := s.run("nodes", "--probe"); code != command.Usage || !strings.Contains(diag, "hint: unset it") {
		t.Errorf("nodes --probe: exit code %d\n%s", code, diag)
	}
	if got := names(); len(got) > 0 {
		t.Errorf("learnt from a fake: %v", got)
	}
	s.env = own
	s.must("submit", "--local", "fake.yaml")
	if out := s.must("record", "verify", "fake"); strings.Contains(out, "faked") {
		t.Errorf("verify:\n%s", out)
	}
	if got := names(); len(got) != 1 {
		t.Errorf("learnt from the machine itself: %v", got)
	}
}
