package runs_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// sent is a run of a name in dir that Slurm took as a job, at a time.
func sent(t *testing.T, dir, name string, job int64, at time.Time, edit func(*plan.Plan), args ...string) rundir.Run {
	t.Helper()
	p, c := runtest.Creation(t, dir)
	c.Plan.Name, c.Now = name, at
	if edit != nil {
		edit(c.Plan)
	}
	r, err := p.Create(c)
	if err != nil {
		t.Fatal(err)
	}
	w := &runtest.Witness{T: t, Take: func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: job}, nil }}
	about := runtest.About()
	about.Now, about.WorkDir = func() time.Time { return at }, dir
	var calls []facts.Call
	if len(args) > 0 {
		calls = []facts.Call{{Count: 1, Options: args}}
	}
	if _, err := ledger.Submit(t.Context(), r, w, about, calls); err != nil {
		t.Fatal(err)
	}
	return r
}

func queue(jobs map[int64]slurm.State, at time.Time) (out []slurm.Job) {
	for id, s := range jobs {
		out = append(out, slurm.Job{ID: id, Array: id, Task: -1, State: s, Submit: at})
	}
	return out
}

// remove removes all of the runs that may go, and says why others stay.
func remove(t *testing.T, w *runtest.Witness, o runs.Options, all ...rundir.Run) (gone []string, kept map[string]string, err error) {
	t.Helper()
	w.T = t
	var dirs []string
	for _, r := range all {
		dirs = append(dirs, r.Dir)
	}
	var projects []rundir.Project
	for _, r := range all {
		if !slices.Contains(projects, r.Project) {
			projects = append(projects, r.Project)
		}
	}
	rep, err := runs.Remove(t.Context(), w, projects, runs.Named(dirs), o, runtest.About())
	if rep == nil {
		t.Fatal(err)
	}
	kept = map[string]string{}
	for _, k := range rep.Kept {
		kept[k.RunID] = k.Why
	}
	for _, e := range rep.Removed {
		gone = append(gone, e.Job)
		if e.Bytes <= 0 {
			t.Errorf("%s takes %d bytes", e.RunID, e.Bytes)
		}
	}
	for _, r := range all {
		_, serr := os.Lstat(r.Dir)
		if went := errors.Is(serr, os.ErrNotExist); went != (kept[r.ID] == "" && !o.Dry) {
			t.Errorf("%s: gone %v, and kept %q", r.ID, went, kept[r.ID])
		}
	}
	return gone, kept, err
}

// What is needed stays, and the reason is told; what is over goes, and nothing of
// it is left.
func TestNeeded(t *testing.T) {
	dir := t.TempDir()
	at := runtest.Noon
	first := sent(t, dir, "first", 11, at, nil)
	second := sent(t, dir, "second", 12, at.Add(time.Second), nil)
	other := sent(t, dir, "third", 13, at.Add(2*time.Second), nil)
	waits := sent(t, dir, "waits", 14, at.Add(3*time.Second), func(p *plan.Plan) {
		p.After = []string{"second"}
		p.Slurm = sbatch.Options{{Name: "dependency", Value: "afterany:11"}}
	})
	lost := sent(t, dir, "lost", 15, at.Add(4*time.Second), nil)
	newer := sent(t, dir, "second", 16, at.Add(5*time.Second), nil)
	w := &runtest.Witness{InQueue: queue(map[int64]slurm.State{11: slurm.Completed, 12: slurm.Completed, 13: slurm.Failed, 14: slurm.Pending, 16: slurm.Completed}, at), AcctErr: slurm.ErrNoAccounting}
	all := []rundir.Run{first, second, other, waits, lost}

	_, kept, err := remove(t, w, runs.Options{Dry: true}, append(all, newer)...)
	if err != nil {
		t.Fatal(err)
	}
	for r, want := range map[rundir.Run]string{
		first: "is one that run " + waits.ID + " comes after, which is pending", second: "is one that run " + waits.ID + " comes after, which is pending",
		waits: "is pending", lost: "is unknown", newer: "", other: "",
	} {
		if kept[r.ID] != want {
			t.Errorf("%s: kept since it %q, want %q", r.ID, kept[r.ID], want)
		}
	}
	roots := filepath.Join(first.Project.Dir, "roots")
	for link, to := range map[string]string{"shared": "/nix/store/none-a", "built": "/nix/store/none-c"} {
		if err := os.Symlink(to, filepath.Join(roots, link)); err != nil {
			t.Fatal(err)
		}
	}
	runtest.Write(t, filepath.Join(other.Project.Dir, "seals", other.ID+".json"), map[string]string{})
	gone, kept, err := remove(t, w, runs.Options{}, append(all, newer)...)
	if err != nil || len(gone) != 2 {
		t.Fatalf("%v went, %v stayed, %v", gone, kept, err)
	}
	// The newer run of the name is nobody's parent; the environment is others', too.
	for path, there := range map[string]bool{filepath.Join(roots, "shared"): true, filepath.Join(roots, "built"): true, filepath.Join(other.Project.Dir, "seals", other.ID+".json"): false, newer.Dir: false} {
		if _, err := os.Lstat(path); (err == nil) != there {
			t.Errorf("%s: %v", path, err)
		}
	}
	// When all is over, all goes, and the roots that only these runs had.
	w.InQueue = queue(map[int64]slurm.State{11: slurm.Completed, 12: slurm.Completed, 14: slurm.Cancelled}, at)
	if gone, kept, err := remove(t, w, runs.Options{Unknown: true}, first, second, waits, lost); err != nil || len(gone) != 4 {
		t.Fatalf("%v went, %v stayed, %v", gone, kept, err)
	}
	for link, there := range map[string]bool{"shared": false, "built": true} {
		if _, err := os.Lstat(filepath.Join(roots, link)); (err == nil) != there {
			t.Errorf("%s: %v", link, err)
		}
	}
	if left, err := os.ReadDir(filepath.Join(first.Project.Dir, "runs")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// Where Slurm does not answer, nothing goes.
func TestSlurmIsAway(t *testing.T) {
	r := runtest.Sent(t)
	w := &runtest.Witness{QueueErr: errors.New("slurmctld is away"), AcctErr: slurm.ErrNoAccounting}
	gone, kept, err := remove(t, w, runs.Options{}, r)
	if err == nil || len(gone) > 0 || kept[r.ID] != "is unknown" {
		t.Errorf("%v went, %v stayed, %v", gone, kept, err)
	}
}

// A job in another project waits for a run all the same.
func TestParentElsewhere(t *testing.T) {
	parent := sent(t, t.TempDir(), "parent", 21, runtest.Noon, nil)
	child := sent(t, t.TempDir(), "child", 22, runtest.Noon, nil, "--dependency=afterok:21")
	w := &runtest.Witness{InQueue: queue(map[int64]slurm.State{21: slurm.Completed, 22: slurm.Pending}, runtest.Noon), AcctErr: slurm.ErrNoAccounting}
	if _, kept, err := remove(t, w, runs.Options{}, parent, child); err != nil || !strings.Contains(kept[parent.ID], child.ID) {
		t.Errorf("%v, %v", kept, err)
	}
}

// What a removal left that was killed is no run, and goes with the next.
func TestCutShort(t *testing.T) {
	r := runtest.Sent(t)
	if err := os.Symlink("/nix/store/none-a", filepath.Join(r.Project.Dir, "roots", "a")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(r.Dir, filepath.Join(filepath.Dir(r.Dir), ".removed-"+r.ID)); err != nil {
		t.Fatal(err)
	}
	if all, err := r.Project.List(); err != nil || len(all) > 0 {
		t.Fatalf("%v, %v", all, err)
	}
	if err := runs.Tidy(t.Context(), r.Project); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"runs", "roots"} {
		if left, err := os.ReadDir(filepath.Join(r.Project.Dir, dir)); err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %v", dir, left, err)
		}
	}
}

// An output that the run keeps and that is no longer beside the job file as it was
// keeps the run, unless that is meant.
func TestOnlyCopy(t *testing.T) {
	const sum = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" // of "foo"
	for name, tc := range map[string]struct {
		beside string
		kept   bool
		why    string
	}{
		"as it was": {"foo", true, ""}, "gone": {"", true, "has the only copy of output a.out"}, "another": {"bar", true, "has the only copy of output a.out"}, "not kept": {"bar", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := sent(t, dir, "job", 7, runtest.Noon, nil)
			runtest.Started(t, r, 0)
			runtest.Write(t, r.EndFile(0, 0), facts.End{Schema: facts.EndSchema, RunID: r.ID, Outputs: []facts.File{{Path: "a.out", Size: 3, SHA256: sum}}})
			if err := os.MkdirAll(filepath.Join(r.Dir, "kept"), 0o700); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{filepath.Join(dir, "a.out"): tc.beside, filepath.Join(r.Dir, "kept", sum): map[bool]string{true: "foo"}[tc.kept]} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(file, []byte(text), 0o400); err != nil {
					t.Fatal(err)
				}
			}
			w := &runtest.Witness{InQueue: queue(map[int64]slurm.State{7: slurm.Completed}, runtest.Noon), AcctErr: slurm.ErrNoAccounting}
			if _, kept, err := remove(t, w, runs.Options{Dry: tc.why == ""}, r); err != nil || kept[r.ID] != tc.why {
				t.Errorf("%v, %v", kept, err)
			}
			if _, kept, err := remove(t, w, runs.Options{Outputs: true}, r); err != nil || len(kept) > 0 {
				t.Errorf("%v, %v", kept, err)
			}
		})
	}
}

// A rule takes those runs to which all of it applies.
func TestRule(t *testing.T) {
	day := 24 * time.Hour
	project := rundir.Project{Dir: t.TempDir()}
	run := func(name string, days int, state slurm.State) status.Status {
		id := name + "-" + runtest.Noon.Add(-time.Duration(days)*day).Format("20060102-150405") + "-aaaa"
		return status.Status{Run: rundir.Run{ID: id, Dir: filepath.Join(project.Dir, "runs", id), Project: project}, State: state}
	}
	all := []status.Status{run("a", 1, slurm.Completed), run("a", 10, slurm.Failed), run("a", 40, slurm.Completed), run("a", 50, slurm.TimedOut), run("b", 60, slurm.Failed), run("b", 70, slurm.Running)}
	for name, tc := range map[string]struct {
		rule runs.Rule
		want string
	}{
		"old": {runs.Rule{Older: 30 * day, Keep: -1}, "a40 a50 b60"}, "but two": {runs.Rule{Keep: 2}, "a40 a50"}, "old but one": {runs.Rule{Older: 30 * day, Keep: 1}, "a40 a50"},
		"failed": {runs.Rule{Keep: -1, Failed: true}, "a10 a50 b60"}, "all": {runs.Rule{Older: 55 * day, Keep: 0, Failed: true}, "b60"}, "none stays": {runs.Rule{Keep: 0}, "a1 a10 a40 a50 b60"},
	} {
		var got []string
		for _, s := range tc.rule.Choose(all, runtest.Noon) {
			got = append(got, s.Run.Name()+strings.TrimSuffix(runtest.Noon.Sub(s.Run.Time()).String(), "0s"))
		}
		want := []string{}
		for _, w := range strings.Fields(tc.want) {
			days, err := time.ParseDuration(w[1:] + "h")
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, w[:1]+strings.TrimSuffix((days*24).String(), "0s"))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestParseAge(t *testing.T) {
	for s, want := range map[string]time.Duration{"30d": 720 * time.Hour, "2w": 336 * time.Hour, "12h": 12 * time.Hour, "5m": 5 * time.Minute, "0d": 0} {
		if got, err := runs.ParseAge(s); err != nil || got != want {
			t.Errorf("%s: %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "d", "30", "30 d", "-1d", "1.5d", "30y", "999999d", "1d2h"} {
		if got, err := runs.ParseAge(s); err == nil {
			t.Errorf("%q is %s", s, got)
		}
	}
}
