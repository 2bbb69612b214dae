package load_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
)

func TestNoRecord(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	run.Seal(t)
	empty := t.TempDir()
	if load.NoRecord(run.Dir) != nil || load.NoRecord(filepath.Join(empty, "none")) != nil || load.NoRecord(empty) == nil {
		t.Error("a run is none, or an empty directory is one")
	}
	// One that was robbed of its plan is for verifying to judge.
	if err := os.Remove(filepath.Join(run.Dir, "plan.json")); err != nil {
		t.Fatal(err)
	}
	if err := load.NoRecord(run.Dir); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(run.Dir, seal.SealFile)); err != nil {
		t.Fatal(err)
	}
	if load.NoRecord(run.Dir) == nil {
		t.Error("what is left is called a record")
	}
}
