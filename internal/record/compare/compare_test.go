package compare_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

func runs(t *testing.T, a, b recordtest.Options) *compare.Report {
	t.Helper()
	var recs []*load.Record
	for _, o := range []recordtest.Options{a, b} {
		run := recordtest.Make(t, t.TempDir(), o)
		run.Seal(t)
		r, err := load.Open(run.Dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		recs = append(recs, r)
	}
	rep, err := compare.Runs(recs[0], recs[1])
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestRuns(t *testing.T) {
	const e = -74.942079928192
	for name, tc := range map[string]struct {
		b       recordtest.Options
		verdict string
		kinds   string // the real ones, in order
	}{
		"same":             {recordtest.Options{}, compare.Same, ""},
		"last bits":        {recordtest.Options{Energy: e + 2e-10}, compare.SameResults, ""},
		"at the tolerance": {recordtest.Options{Energy: e + 1.1e-9}, compare.Different, "number output"},
		"far off":          {recordtest.Options{Energy: e + 1}, compare.Different, "number output"},
		"build":            {recordtest.Options{Arch: "znver4"}, compare.SameResults, "build"},
		"package":          {recordtest.Options{Version: "1.1"}, compare.SameResults, "package build"},
		"pin":              {recordtest.Options{Edit: func(p *plan.Plan) { p.Pins[0].Hash = recordtest.SRI("other") }}, compare.SameResults, "pin"},
		"lines":            {recordtest.Options{Edit: func(p *plan.Plan) { p.Run = "rhf --tight\n" }}, compare.SameResults, "job"},
		"options":          {recordtest.Options{Edit: func(p *plan.Plan) { p.Slurm = p.Slurm.Set("ntasks", "2") }}, compare.SameResults, "job"},
		"incomplete":       {recordtest.Options{NoEnd: map[int]bool{0: true}}, compare.NotComparable, "number result output"},
		"more outputs":     {recordtest.Options{Outputs: []facts.File{{Path: "x", SHA256: "00"}}}, compare.Different, "output"},
	} {
		t.Run(name, func(t *testing.T) {
			rep := runs(t, recordtest.Options{}, tc.b)
			var kinds []string
			for _, d := range rep.Differences {
				if d.Expected {
					continue
				}
				if n := len(kinds); n == 0 || kinds[n-1] != d.Kind {
					kinds = append(kinds, d.Kind)
				}
			}
			if rep.Verdict != tc.verdict || strings.Join(kinds, " ") != tc.kinds {
				t.Errorf("%s: %s, want %s: %s\n%+v", rep.Verdict, strings.Join(kinds, " "), tc.verdict, tc.kinds, rep.Differences)
			}
			var text bytes.Buffer
			rep.Text(&text)
			if !strings.Contains(text.String(), rep.Verdict) {
				t.Error(text.String())
			}
		})
	}
}

// A package is named with both its versions.
func TestPackageVersions(t *testing.T) {
	rep := runs(t, recordtest.Options{}, recordtest.Options{Version: "2.0"})
	if d := rep.Differences[0]; d.Kind != "package" || d.What != "rhf" || d.A != "1.0" || d.B != "2.0" {
		t.Errorf("%+v", d)
	}
}
