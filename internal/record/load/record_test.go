package load_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/jobspec"
)

func open(t *testing.T, path string) *load.Record {
	t.Helper()
	r, err := load.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// A run is read whole before it is sealed and after, and says the same.
func TestOpen(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 3, Attempts: 2, NoEnd: map[int]bool{1: true},
		Sweep: []jobspec.Row{{{Name: "m", Value: "a"}}, {{Name: "m", Value: "b"}}, {{Name: "m", Value: "c"}}}})
	var before string
	for _, sealed := range []bool{false, true} {
		if sealed {
			run.Seal(t)
		}
		r := open(t, run.Dir)
		if r.RunID != recordtest.ID || r.Plan.Name != "water" || r.Submit.JobID != 12 || r.Result.State != "completed" || len(r.Accounting.Jobs) != 1 ||
			len(r.Envs["generic"].Paths) != 2 || (r.Seal != nil) != sealed || r.Contents != nil || r.Redacted() || !r.Own() || r.WorkDir() != run.WorkDir || !strings.HasPrefix(string(r.Job), "name: water") {
			t.Errorf("sealed %t: %+v", sealed, r)
		}
		names, tasks, err := r.Rows()
		if err != nil || fmt.Sprint(names, tasks) != "[m] [[a] [b] [c]]" {
			t.Errorf("%v %v %v", names, tasks, err)
		}
		var got []string
		err = r.Attempts(func(a load.Attempt) error {
			got = append(got, fmt.Sprintf("%d.%d start %t end %t last %t", a.Task, a.Attempt, a.Start.Attempt == a.Attempt, a.End != nil, a.Last))
			return nil
		})
		text := strings.Join(got, "\n")
		if err != nil || len(got) != 6 || !strings.Contains(text, "1.1 start true end false last true") || !strings.Contains(text, "2.0 start true end true last false") || sealed && text != before {
			t.Errorf("%v\n%s", err, text)
		}
		before = text
	}
}

// An attempt that the reader does not want to go on with ends the reading.
func TestAttemptsStop(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 3})
	run.Seal(t)
	stop := errors.New("enough")
	n := 0
	if err := open(t, run.Dir).Attempts(func(load.Attempt) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
}

// What is cut off, of another kind, or of a later version is said so, of each
// fact; nothing is guessed.
func TestBadFacts(t *testing.T) {
	var bad *fault.Error
	var newer *seal.NewerError
	for _, f := range []struct{ name, schema string }{
		{"plan.json", "plan"}, {"intent.json", "intent"}, {"submit.json", "submit"}, {"result.json", "result"}, {"accounting.json", "accounting"}, {"env/generic.json", "environment"},
	} {
		for name, tc := range map[string]struct {
			text string
			want func(err error) bool
		}{
			"cut off":  {`{"schema":"nixbatch/` + f.schema + `/v1","x`, func(err error) bool { return errors.As(err, &bad) }},
			"a number": {`{"schema":"nixbatch/` + f.schema + `/v1","tool":7,"time":7,"paths":7,"jobs":7}`, func(err error) bool { return errors.As(err, &bad) }},
			"another": {`{"schema":"nixbatch/other/v1"}`, func(err error) bool {
				return errors.As(err, &bad) && strings.Contains(err.Error(), "nixbatch/other/v1")
			}},
			"later": {`{"schema":"nixbatch/` + f.schema + `/v9"}`, func(err error) bool { return errors.As(err, &newer) && newer.Name == f.name }},
			"deep":  {strings.Repeat("[", 20_000), func(err error) bool { return errors.As(err, &bad) }},
		} {
			run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
			if err := os.WriteFile(filepath.Join(run.Dir, f.name), []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if r, err := load.Open(run.Dir); err == nil || !tc.want(err) || !strings.Contains(err.Error(), f.name) {
				t.Errorf("%s, %s: %v %v", f.name, name, r, err)
			}
		}
	}
}

// A fact of a task that is no fact is an error when it is reached.
func TestBadTask(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	for text, want := range map[string]string{`{"schema":"nixbatch/start/v9"}`: "start/v9", `{"schema":"nixbatch/end/v1"}`: "end/v1", "{": "start.json"} {
		if err := os.WriteFile(filepath.Join(run.Dir, "tasks/0-999/0/attempt-0/start.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := open(t, run.Dir).Attempts(func(load.Attempt) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A table of tasks has a value for each name.
func TestBadRows(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	if names, rows, err := open(t, run.Dir).Rows(); names != nil || rows != nil || err != nil {
		t.Errorf("%v %v %v", names, rows, err)
	}
	if err := os.WriteFile(filepath.Join(run.Dir, facts.SweepFile), []byte(`{"schema":"`+facts.SweepSchema+`","names":["a"],"tasks":[["1"],["1","2"]]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var bad *fault.Error
	if _, _, err := open(t, run.Dir).Rows(); !errors.As(err, &bad) {
		t.Error(err)
	}
}

// What leads out of a record, or is none, is refused: links, a job file without
// end, nothing at all.
func TestRefused(t *testing.T) {
	for name, edit := range map[string]func(run recordtest.Run) error{
		"plan is a link": func(r recordtest.Run) error {
			f := filepath.Join(r.Dir, "plan.json")
			return errors.Join(os.Rename(f, f+".real"), os.Symlink(f+".real", f))
		},
		"env is a link": func(r recordtest.Run) error {
			f := filepath.Join(r.Dir, "env")
			return errors.Join(os.Rename(f, filepath.Join(r.WorkDir, "env")), os.Symlink(filepath.Join(r.WorkDir, "env"), f))
		},
		"job too large": func(r recordtest.Run) error {
			return os.Truncate(filepath.Join(r.Dir, "job.yaml"), 16*jobspec.MaxSize+1)
		},
		"no job":  func(r recordtest.Run) error { return os.Remove(filepath.Join(r.Dir, "job.yaml")) },
		"no plan": func(r recordtest.Run) error { return os.Remove(filepath.Join(r.Dir, "plan.json")) },
	} {
		run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
		if err := edit(run); err != nil {
			t.Fatal(err)
		}
		if r, err := load.Open(run.Dir); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// The list of an export says what is in it and what is not, and is as it was
// written.
func TestContents(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	run.Seal(t)
	dir := filepath.Join(t.TempDir(), "export")
	if err := os.CopyFS(dir, os.DirFS(run.Dir)); err != nil {
		t.Fatal(err)
	}
	list := load.Contents{Schema: load.ContentsSchema, RunID: recordtest.ID, Redacted: true, Files: []load.Content{
		{Role: "input", Path: "water.xyz", At: "run.sh"}, {Role: "output", Path: "gone", Absent: "it is gone"}}}
	data, err := list.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, load.ContentsFile)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	if !r.Redacted() || r.Own() || r.WorkDir() != "" {
		t.Errorf("%+v", r.Contents)
	}
	in, err := r.Data("input", "water.xyz")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if text, err := io.ReadAll(in); err != nil || !strings.HasPrefix(string(text), "rhf") {
		t.Errorf("%q %v", text, err)
	}
	for _, f := range [][2]string{{"output", "gone"}, {"output", "water.xyz"}, {"tree", "x"}} {
		if _, err := r.Data(f[0], f[1]); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: %v", f, err)
		}
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), `"redacted":true`, `"redacted":false`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load.Open(dir); err == nil || !strings.Contains(err.Error(), "contents.json was changed") {
		t.Error(err)
	}
}
