package collect_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/collect"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// began is a run whose only task has started, and made one output.
func began(t *testing.T) (r rundir.Run, work string) {
	t.Helper()
	dir := t.TempDir()
	project := rundir.Project{Dir: filepath.Join(dir, rundir.DirName)}
	r = rundir.Run{ID: "job-20260101-000000-aaaa", Project: project}
	r.Dir = filepath.Join(project.Dir, "runs", r.ID)
	work = filepath.Join(r.TopDir(0), "work")
	if err := errors.Join(os.MkdirAll(work, 0o700), os.MkdirAll(r.AttemptDir(0, 0), 0o700), os.WriteFile(filepath.Join(work, "out.txt"), []byte("made"), 0o600),
		os.WriteFile(filepath.Join(work, "other"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	start := facts.Start{Schema: facts.StartSchema, Priv: facts.StartPrivate{WorkDir: dir, Dir: work, Hostname: "n1"}}
	p := plan.Plan{Schema: plan.Schema, Workdir: "own", Kept: &plan.Kept{Below: 100}, Outputs: []string{"*.txt"}}
	if err := errors.Join(durable.Write(r.StartFile(0, 0), start), durable.Write(r.PlanFile(), p)); err != nil {
		t.Fatal(err)
	}
	return r, work
}

// What a killed task made is put back and kept, twice without harm, and nothing
// else is.
func TestTask(t *testing.T) {
	r, work := began(t)
	dir := filepath.Dir(r.Project.Dir)
	if got, node, err := collect.Dir(r, 0); err != nil || got != work || node != "" {
		t.Errorf("%s, %q, %v", got, node, err)
	}
	for range 2 {
		if left, err := collect.Pending(r, 0); err != nil || !left {
			t.Fatalf("pending %v, %v", left, err)
		}
		b, err := collect.Task(r, 0)
		if err != nil || len(b.Outputs) != 1 || !b.Outputs[0].Kept || len(b.Failed) > 0 {
			t.Fatalf("%+v, %v", b, err)
		}
		if text, err := os.ReadFile(filepath.Join(dir, "out.txt")); err != nil || string(text) != "made" {
			t.Errorf("%q, %v", text, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if names := slices.Collect(func(yield func(string) bool) {
		for _, e := range entries {
			if !yield(e.Name()) {
				return
			}
		}
	}); err != nil || !slices.Equal(names, []string{rundir.DirName, "out.txt"}) {
		t.Errorf("%v, %v", names, err)
	}
	// An end that says all came back leaves nothing to do; one that does not, does.
	end := facts.End{Schema: facts.EndSchema, NotCopied: []facts.File{{Path: "out.txt"}}}
	if err := durable.Write(r.EndFile(0, 0), end); err != nil {
		t.Fatal(err)
	}
	if left, err := collect.Pending(r, 0); err != nil || !left {
		t.Errorf("pending %v, %v", left, err)
	}
	if err := os.Remove(r.EndFile(0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := durable.Write(r.EndFile(0, 0), facts.End{Schema: facts.EndSchema}); err != nil {
		t.Fatal(err)
	}
	if left, err := collect.Pending(r, 0); err != nil || left {
		t.Errorf("pending %v, %v", left, err)
	}
}

// A task whose agent lives, that has not started, or whose directory is elsewhere
// is left alone, and why is told.
func TestLeftAlone(t *testing.T) {
	r, work := began(t)
	alive, err := rundir.HoldAlive(r.AliveFile(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, r, 0, "may still run")
	if err := alive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(work); err != nil {
		t.Fatal(err)
	}
	refused(t, r, 0, "is not here")
	if _, err := collect.Task(r, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if left, err := collect.Pending(r, 1); left || err != nil {
		t.Errorf("%v, %v", left, err)
	}
}

func refused(t *testing.T, r rundir.Run, task int, words string) {
	t.Helper()
	if _, err := collect.Task(r, task); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want %q", err, words)
	}
}
