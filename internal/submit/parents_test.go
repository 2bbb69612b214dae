package submit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/stage"
)

// Which inputs an earlier job makes, in whatever directory that one is.
func TestMade(t *testing.T) {
	s := search{found: stage.Found{Base: "/w/b"}, before: []Parent{{"/w/a", []string{"out/*.dat", "{n}.gbw", "!out/x.dat"}}}}
	for name, want := range map[string]bool{"../a/out/1.dat": true, "/w/a/7.gbw": true, "out/1.dat": false, "../a/1.dat": false, "/w/a/n/7.gbw": false} {
		if got := s.made(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A file that the lines name, and that the task will not have, is a note.
func TestMissed(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"in.dat", "basis.dat", "old.out", "sub.d"} {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j := &Planned{Loaded: &Loaded{WorkDir: dir, inputs: stage.Found{Files: map[string]stage.File{"in.dat": {}}}},
		Plan: &plan.Plan{Workdir: "own", Outputs: []string{"*.out"}, Run: "prog in.dat ./basis.dat /etc/fstab.x none.dat 1.0 >old.out; prog basis.dat"}}
	if got := strings.Join(j.Missed(), "\n"); got != "run names basis.dat, which is not among inputs: the task will not have it" {
		t.Error(got)
	}
	j.Plan.Workdir = "shared"
	if got := j.Missed(); len(got) > 0 {
		t.Error(got)
	}
}
