package rundir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

func TestNewID(t *testing.T) {
	form := regexp.MustCompile(`^water-scf-20260301-120000-[a-z2-9]{4}$`)
	seen := map[string]bool{}
	for range 200 {
		id := rundir.NewID("water-scf", runtest.Noon.In(time.FixedZone("east", 3600)))
		if !form.MatchString(id) {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
	// 923,521 endings: that 200 of them are fewer than 190 does not happen.
	if len(seen) < 190 {
		t.Errorf("%d of 200 ids differ", len(seen))
	}
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	r := runtest.Create(t, dir)
	got := map[string]string{}
	err := filepath.WalkDir(r.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(r.Dir, path)
		got[rel] = info.Mode().String()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		".": "drwx------", "env": "drwx------", "kept": "drwx------", "logs": "drwx------", "tasks": "drwx------", "tasks/0-999": "drwx------",
		"job.yaml": "-r--r--r--", "plan.json": "-r--r--r--", "run.sh": "-r--r--r--", "batch.sh": "-r-xr-xr-x",
		"nixbatch": "-r-xr-xr-x", "bin": "drwx------", "bin/launch": "Lrwxrwxrwx", "env/generic": "Lrwxrwxrwx", "env/haswell": "Lrwxrwxrwx",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for file, text := range map[string]string{"job.yaml": "name: job\n", "run.sh": "echo <hello> & true\n"} {
		if data, err := os.ReadFile(filepath.Join(r.Dir, file)); err != nil || string(data) != text {
			t.Errorf("%s: %q, %v", file, data, err)
		}
	}
	var p plan.Plan
	if err := durable.Read(r.PlanFile(), &p); err != nil || p.Run != "echo <hello> & true\n" {
		t.Errorf("plan: %+v, %v", p, err)
	}
	if data, _ := os.ReadFile(r.PlanFile()); strings.Contains(string(data), `\u003c`) {
		t.Error("the plan is escaped for HTML")
	}
	script, err := os.ReadFile(r.ScriptFile())
	if err != nil || !strings.Contains(string(script), "#SBATCH --output=.nixbatch/runs/"+r.ID+"/logs/0.log\n") {
		t.Errorf("script %s, %v", script, err)
	}

	// A second run shares the agent's bytes.
	r2 := runtest.Create(t, dir)
	a, err1 := os.Stat(r.AgentFile())
	b, err2 := os.Stat(r2.AgentFile())
	if err1 != nil || err2 != nil || !os.SameFile(a, b) {
		t.Errorf("two agents: %v, %v", err1, err2)
	}
}

// Whatever fails while a run is made, nothing of it is left.
func TestCreateLeavesNothing(t *testing.T) {
	for name, spoil := range map[string]func(*rundir.Creation){
		"an agent that is no program": func(c *rundir.Creation) { c.Agent = filepath.Join(c.WorkDir, "job.yaml") },
		"an agent that is not there":  func(c *rundir.Creation) { c.Agent = filepath.Join(c.WorkDir, "none") },
		"an option that no line holds": func(c *rundir.Creation) {
			c.Plan.Slurm = sbatch.Options{{Name: "job-name", Value: "a\nb"}}
		},
		"a work directory that no line holds": func(c *rundir.Creation) { c.WorkDir += "/a\nb" },
		"an arch that is a path":              func(c *rundir.Creation) { c.Envs = map[string]string{"../../../x/y": "/nix"} },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p, c := runtest.Creation(t, dir)
			if err := os.WriteFile(filepath.Join(dir, "job.yaml"), c.Job, 0o600); err != nil {
				t.Fatal(err)
			}
			spoil(&c)
			if _, err := p.Create(c); err == nil {
				t.Fatal("it was made")
			}
			entries, err := os.ReadDir(filepath.Join(p.Dir, "runs"))
			if err != nil || len(entries) > 0 {
				t.Errorf("left: %v, %v", entries, err)
			}
			if all, err := p.List(); err != nil || len(all) > 0 {
				t.Errorf("listed: %v, %v", all, err)
			}
		})
	}
}

// A directory that cannot be made: a file is in its place, which root cannot
// write below either.
func TestCreateWhereNothingCanBe(t *testing.T) {
	for _, file := range []string{".nixbatch", ".nixbatch/runs"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			var e *fault.Error
			_, err := rundir.Near(dir)
			if file != ".nixbatch" {
				p, c := runtest.Creation(t, dir)
				_, err = p.Create(c)
			}
			if !errors.As(err, &e) || e.Hint() == "" || !strings.Contains(e.Message, "cannot be made") && !strings.Contains(e.Message, "is not a directory") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// What a killed process left half-made is no run.
func TestHalfMadeRunsAreNotListed(t *testing.T) {
	dir := t.TempDir()
	r := runtest.Create(t, dir)
	half := filepath.Join(r.Project.Dir, "runs", ".new-job-20990101-000000-aaaa")
	if err := os.CopyFS(half, os.DirFS(filepath.Join(r.Dir, "logs"))); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	all, err := r.Project.List()
	if err != nil || len(all) != 1 || all[0].ID != r.ID {
		t.Errorf("listed %v, %v", all, err)
	}
}

func TestGet(t *testing.T) {
	p := rundir.Project{Dir: filepath.Join(t.TempDir(), rundir.DirName)}
	for _, name := range []string{"", "x"} {
		var e *fault.Error
		if _, err := p.Get(name); !errors.As(err, &e) || e.Hint() == "" {
			t.Errorf("%q of nothing: %v", name, err)
		}
	}
	for _, id := range []string{
		"water-20260101-000000-aaaa", "water-20260102-000000-bbbb", "water-scf-20260103-000000-cccc",
		"wave-20260101-000001-dddd", "water-20260102-000000-zzbb", ".new-water-20270101-000000-eeee",
	} {
		if err := os.MkdirAll(filepath.Join(p.Dir, "runs", id), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "runs", "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := p.List()
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, r := range all {
		order = append(order, r.ID)
	}
	if d := cmp.Diff([]string{"water-scf-20260103-000000-cccc", "water-20260102-000000-zzbb", "water-20260102-000000-bbbb",
		"wave-20260101-000001-dddd", "water-20260101-000000-aaaa"}, order); d != "" {
		t.Error(d)
	}
	for name, want := range map[string]string{
		"":                           "water-scf-20260103-000000-cccc", // the newest
		"water-20260101-000000-aaaa": "water-20260101-000000-aaaa",
		"wav":                        "wave-20260101-000001-dddd",
		"aaaa":                       "water-20260101-000000-aaaa",
		"water":                      "water-20260102-000000-zzbb", // the newest of that job's
		"water-scf":                  "water-scf-20260103-000000-cccc",
		"water-s":                    "water-scf-20260103-000000-cccc",
		"000001-dddd":                "wave-20260101-000001-dddd",
	} {
		if r, err := p.Get(name); err != nil || r.ID != want {
			t.Errorf("%q is %q, %v; want %q", name, r.ID, err, want)
		}
	}
	for name, message := range map[string]string{
		"nothing": `no run is called "nothing"`,
		"wat":     "4 runs begin or end with \"wat\"",
		"bb":      `no run is called "bb"`, // ends are whole words
		"..":      `no run is called ".."`,
		"../runs": "no run is called",
		".new":    "no run is called",
	} {
		if r, err := p.Get(name); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q is %q, %v; want %q", name, r.ID, err, message)
		}
	}
}

// The newest of several that were submitted within one second is the last.
func TestNewestWithinASecond(t *testing.T) {
	dir := t.TempDir()
	for range 12 {
		r := runtest.Create(t, dir)
		for _, name := range []string{"", "job"} {
			if got, err := r.Project.Get(name); err != nil || got.ID != r.ID {
				t.Fatalf("%q is %s, %v; want %s", name, got.ID, err, r.ID)
			}
		}
	}
}

func TestNear(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	near := func(want string) {
		t.Helper()
		if p, err := rundir.Near(deep); err != nil || p.Dir != want {
			t.Errorf("near %s is %s, %v; want %s", deep, p.Dir, err, want)
		}
	}
	near(filepath.Join(deep, rundir.DirName))
	for _, d := range []string{dir, filepath.Join(dir, "a"), deep} { // ever nearer
		if err := os.Mkdir(filepath.Join(d, rundir.DirName), 0o700); err != nil {
			t.Fatal(err)
		}
		near(filepath.Join(d, rundir.DirName))
	}
}
