package results_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/results"
	"github.com/nixbatch/nixbatch/jobspec"
)

// scan is a run over r and basis, with an energy and charges a task: task 2 has no
// energy, task 3 no end, and the energy of task 4 is none.
func scan(t *testing.T) recordtest.Run {
	t.Helper()
	energy := facts.Look{Name: "energy", Unit: "Eh", File: "water.out", Pattern: "x"}
	charges := facts.Look{Name: "q", Log: true, Column: "2"}
	var rows []jobspec.Row
	for _, basis := range []string{"sto-3g", "6-31g"} {
		for _, r := range []string{"1.0", "0.9", "0.8"} {
			rows = append(rows, jobspec.Row{{Name: "basis", Value: basis}, {Name: "r", Value: r}})
		}
	}
	return recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: len(rows), Sweep: rows, NoEnd: map[int]bool{3: true},
		Edit: func(p *plan.Plan) { p.Compare = []facts.Look{energy, charges} },
		Numbers: func(task int) []facts.Number {
			e := facts.Number{Look: energy, Values: []facts.Float{facts.Float(-74 - float64(task)/10)}}
			switch task {
			case 2:
				e = facts.Number{Look: energy, Values: []facts.Float{}, Problem: "nothing there fits"}
			case 4:
				e.Values[0] = facts.Float(math.NaN())
			}
			return []facts.Number{e, {Look: charges, Values: []facts.Float{-0.7, 0.1, 0.6}}}
		}})
}

func table(t *testing.T, path string, states map[int]string) *results.Table {
	t.Helper()
	r, err := load.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out, err := results.Of(r, states)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The table is the same from a run, sealed or not, and from an export of it, as a
// directory or a zip.
func TestOf(t *testing.T) {
	run := scan(t)
	open := table(t, run.Dir, nil)
	run.Seal(t)
	r, err := load.Open(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := map[string]*results.Table{"unsealed": open, "sealed": table(t, run.Dir, nil)}
	for _, out := range []string{"dir", "x.zip"} {
		out = filepath.Join(t.TempDir(), out)
		if _, err := export.Write(t.Context(), r, export.Options{Format: "json", Out: out}); err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(out)] = table(t, out, nil)
	}
	for name, got := range all {
		if strings.Join(got.Sweep, " ") != "basis r" || len(got.Tasks) != 6 || got.Numbers[0].Title() != "energy (Eh)" || got.Numbers[1].File != "log" {
			t.Fatalf("%s: %+v", name, got)
		}
		for i, want := range []string{"-74", "-74.1", "missing: nothing there fits", "missing: the task left no end", "NaN", "-74.5"} {
			c := got.Tasks[i].Numbers[0]
			told := c.All()
			if c.Missing != "" {
				told += "missing: " + c.Missing
			}
			if told != want {
				t.Errorf("%s: task %d has %q, want %q", name, i, told, want)
			}
		}
		last := got.Tasks[5]
		if strings.Join(last.Values, " ") != "6-31g 0.8" || last.State != "completed" || *last.Elapsed != 9.5 || last.Numbers[1].All() != "-0.7 0.1 0.6" {
			t.Errorf("%s: %+v", name, last)
		}
		if k := got.Tasks[3]; k.State != "incomplete" || k.Elapsed != nil || k.Exit != nil {
			t.Errorf("%s: %+v", name, k)
		}
		if m := got.Missing(); len(m) != 3 || m[0].Task != 2 || m[1].Name != "energy" || m[2].Name != "q" {
			t.Errorf("%s: %+v", name, m)
		}
		if data, err := json.Marshal(got); err != nil || !strings.Contains(string(data), `"values":["NaN"]`) {
			t.Errorf("%s: %s, %v", name, data, err)
		}
	}
	if got := table(t, run.Dir, map[int]string{3: "running"}); got.Tasks[3].State != "running" || got.Tasks[2].State != "completed" {
		t.Errorf("%+v", got.Tasks[3])
	}
	if one := open.Only(4); len(one.Tasks) != 1 || one.Tasks[0].Task != 4 || len(open.Tasks) != 6 {
		t.Errorf("%+v", one)
	}
}

// Slurm's word on a task outranks its exit code, wherever in which array it was.
func TestAccountedState(t *testing.T) {
	run := scan(t)
	sub := facts.Submit{Schema: facts.SubmitSchema, RunID: recordtest.ID, JobID: 12, Jobs: []facts.Job{
		{JobID: 12, Call: facts.Call{Array: "0-2", Count: 3}}, {JobID: 13, First: 3, Call: facts.Call{Array: "0-2", Offset: 3, Count: 3}}}}
	again := facts.Submit{Schema: facts.SubmitSchema, RunID: recordtest.ID, JobID: 20, Round: 1, Jobs: []facts.Job{{JobID: 20, Call: facts.Call{Array: "5", Count: 1}}}}
	at := recordtest.Now
	acct := facts.Accounting{Schema: facts.AccountingSchema, Source: "sacct", Jobs: []facts.Accounted{
		{Ref: "12_0", Task: 0, State: "completed", Start: at}, {Ref: "13_0", Task: 0, State: "timeout", Start: at}, {Ref: "13_2", Task: 2, State: "failed", Start: at},
		{Ref: "20_5", Task: 5, State: "completed", Start: at.Add(1)}, {Ref: "99_1", Task: 1, State: "cancelled", Start: at}}}
	recordtest.Replace(t, run, "submit.json", sub)
	recordtest.Replace(t, run, "submit-1.json", again)
	recordtest.Replace(t, run, "accounting.json", acct)
	got := table(t, run.Dir, nil)
	for task, want := range map[int]string{0: "completed", 1: "completed", 3: "timeout", 5: "completed"} {
		if got.Tasks[task].State != want {
			t.Errorf("task %d is %s, not %s", task, got.Tasks[task].State, want)
		}
	}
}

// A run that is no sweep has one row; one that names no numbers has none of them.
func TestPlain(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	got := table(t, run.Dir, nil)
	if len(got.Tasks) != 1 || got.Tasks[0].State != "completed" || got.Numbers[0].Name != `energy +(\S+)` || got.Tasks[0].Numbers[0].All() != "-74.942079928192" {
		t.Errorf("%+v", got)
	}
	none := recordtest.Make(t, t.TempDir(), recordtest.Options{Edit: func(p *plan.Plan) { p.Compare = nil }, Numbers: func(int) []facts.Number { return nil }})
	if got := table(t, none.Dir, nil); len(got.Numbers) != 0 || len(got.Tasks) != 1 || len(got.Missing()) > 0 {
		t.Errorf("%+v", got)
	}
}

// The picture has an axis of the first value that is a number, a line for each
// other one, and says how many points it lacks.
func TestFigure(t *testing.T) {
	tab := table(t, scan(t).Dir, nil)
	f, err := tab.Figure("")
	if err != nil {
		t.Fatal(err)
	}
	if f.X != "r" || len(f.Panels) != 2 || f.Panels[0].Y != "energy (Eh)" || len(f.Panels[0].Series) != 2 || f.Panels[0].Series[1].Name != "basis=6-31g" {
		t.Fatalf("%+v", f)
	}
	if p := f.Panels[0].Series[0].Points; fmt.Sprint(p) != "[{0.8 NaN} {0.9 -74.1} {1 -74}]" {
		t.Errorf("%v", p)
	}
	if p := f.Panels[1].Series[0].Points[2]; p.Y != 0.6 {
		t.Errorf("not the last of several: %v", p)
	}
	if !strings.HasPrefix(f.Note, "4 of 12 numbers are missing") {
		t.Error(f.Note)
	}
	svg := string(f.SVG())
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, svg)
		}
	}
	if n := strings.Count(svg, "<circle"); n != 2+3+5 {
		t.Errorf("%d circles:\n%s", n, svg)
	}
	if f, err := tab.Figure("task"); err != nil || f.X != "task" || len(f.Panels[0].Series) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
	for _, x := range []string{"basis", "R"} {
		if _, err := tab.Figure(x); err == nil {
			t.Errorf("%s is an axis", x)
		}
	}
}
