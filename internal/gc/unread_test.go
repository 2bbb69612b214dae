package gc_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/gc"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/slurm"
)

// Of a run that left what cannot be read nothing says that it is over: what it
// needs stays.
func TestUnreadKeepsRoots(t *testing.T) {
	r := runtest.Sent(t)
	runtest.Started(t, r, 0)
	env, err := filepath.Glob(filepath.Join(r.Dir, "env", "*"))
	if err != nil || len(env) == 0 {
		t.Fatalf("%v, %v", env, err)
	}
	store, err := os.Readlink(env[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := filepath.Join(r.Project.Dir, "roots")
	if err := errors.Join(os.MkdirAll(roots, 0o700), os.Symlink(store, filepath.Join(roots, "x")), os.Mkdir(r.EndFile(0, 0), 0o700)); err != nil {
		t.Fatal(err)
	}
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Completed, Submit: runtest.Noon}}}
	all, err := gc.Roots(t.Context(), r.Project, w, runtest.About())
	if err != nil || len(all) != 1 || !strings.Contains(all[0].Kept, "cannot be read") {
		t.Errorf("%+v, %v", all, err)
	}
	if err := os.Remove(r.EndFile(0, 0)); err != nil {
		t.Fatal(err)
	}
	if all, err = gc.Roots(t.Context(), r.Project, w, runtest.About()); err != nil || len(all) != 1 || all[0].Kept != "" {
		t.Errorf("readable again: %+v, %v", all, err)
	}
}
