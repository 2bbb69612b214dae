package status_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// spoil puts something at a path that cannot be read as a fact.
var spoil = map[string]func(path string) error{
	"a directory":  func(path string) error { return os.Mkdir(path, 0o700) },
	"a loop":       func(path string) error { return os.Symlink(filepath.Base(path), path) },
	"a broken one": func(path string) error { return os.WriteFile(path, []byte(`{"schema": "nix`), 0o400) },
}

// A fact that is there and cannot be read is told, and never taken for absent:
// nothing is said to be over, or never to have been submitted, on its account.
func TestUnreadFacts(t *testing.T) {
	for how, spoil := range spoil {
		for name, file := range map[string]func(rundir.Run) string{
			"intent": func(r rundir.Run) string { return ledger.IntentFile(r, 0) },
			"submit": rundir.Run.SubmitFile,
			"start":  func(r rundir.Run) string { return r.StartFile(0, 0) },
			"end":    func(r rundir.Run) string { return r.EndFile(0, 0) },
			"cancel": func(r rundir.Run) string { return ledger.CancelFile(r, 0) },
			"log":    func(r rundir.Run) string { return r.LogFile(0) },
		} {
			if name == "log" && how == "a broken one" {
				continue // no log is
			}
			r := runtest.Sent(t)
			runtest.Started(t, r, 0)
			path := file(r)
			if err := errors.Join(os.RemoveAll(path), spoil(path)); err != nil {
				t.Fatal(err)
			}
			w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting}
			all, _ := status.States(t.Context(), w, []rundir.Run{r}, runtest.About()) // that may be an error, too
			s := all[0]
			if s.State != slurm.Unknown || s.NotSubmitted || s.Over() || s.Whole() {
				t.Errorf("%s is %s: %s, not submitted %v, whole %v (%s)", name, how, s.State, s.NotSubmitted, s.Whole(), s.Reason)
			}
			if !strings.Contains(s.Reason, "cannot be read") || !strings.Contains(s.Reason, filepath.Base(path)) || strings.Contains(s.Reason, r.Dir) {
				t.Errorf("%s is %s: %q", name, how, s.Reason)
			}
			if _, err := os.Lstat(filepath.Join(r.Dir, facts.FinalFile)); err == nil {
				t.Errorf("%s is %s: what was found is kept", name, how)
			}
		}
	}
}

// Slurm's word holds all the same, with a note, and is asked for again.
func TestUnreadEndAndAccounting(t *testing.T) {
	r := runtest.Sent(t)
	runtest.Started(t, r, 0)
	if err := os.Mkdir(r.EndFile(0, 0), 0o700); err != nil {
		t.Fatal(err)
	}
	w := &runtest.Witness{T: t, InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.OutOfMemory, Submit: runtest.Noon}}, AcctErr: slurm.ErrNoAccounting}
	all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
	if s := all[0]; err != nil || s.State != slurm.OutOfMemory || !strings.Contains(s.Reason, "cannot be read") || s.Final != nil {
		t.Errorf("%s, %q, %v", s.State, s.Reason, err)
	}
	if _, err := os.Lstat(filepath.Join(r.Dir, facts.FinalFile)); err == nil {
		t.Error("it is kept")
	}
}

// A task whose directory is a file was not "never started".
func TestUnreadTaskDirectory(t *testing.T) {
	r := runtest.Sent(t)
	dir := r.TaskDir(0)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Dir(dir), 0o700), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	all, _ := status.States(t.Context(), &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting}, []rundir.Run{r}, runtest.About())
	s := all[0]
	if s.State != slurm.Unknown || !strings.Contains(s.Reason, "not a directory") || strings.Contains(s.Reason, "without a start") {
		t.Errorf("%s, %q", s.State, s.Reason)
	}
	if held, err := status.Alive(r, s.Tasks[0]); held || err == nil {
		t.Errorf("alive %v, %v", held, err)
	}
}
