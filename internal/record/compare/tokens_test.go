package compare_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// of is a run's record, and two exports of it: a full and a redacted one.
func of(t *testing.T, o recordtest.Options) (run, full, redacted *load.Record) {
	t.Helper()
	r := recordtest.Make(t, t.TempDir(), o)
	r.Seal(t)
	open := func(path string) *load.Record {
		rec, err := load.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { rec.Close() })
		return rec
	}
	run = open(r.Dir)
	made := func(redact bool) *load.Record {
		out := filepath.Join(t.TempDir(), "out")
		if _, err := export.Write(t.Context(), run, export.Options{Format: "json", Out: out, Redact: redact}); err != nil {
			t.Fatal(err)
		}
		return open(out)
	}
	return run, made(false), made(true)
}

// What a redacted record has only a token of is no difference: of one run it is
// the same as the full record, of another it is not compared. What it has is.
func TestRedacted(t *testing.T) {
	outputs := func(sum string) []facts.File {
		return []facts.File{{Path: "log-" + recordtest.Node + ".dat", Size: 1 << 20, SHA256: strings.Repeat(sum, 64)}}
	}
	env := []facts.Var{{Name: "TOKEN", Value: "hunter2-and-more", From: "job file"}}
	private := func(p *plan.Plan) { p.Run = "rhf > /home/" + recordtest.User + "/water.out\n" }
	run, full, redacted := of(t, recordtest.Options{Outputs: outputs("a"), Env: env, Edit: private})
	_, _, again := of(t, recordtest.Options{Outputs: outputs("a"), Env: env, Edit: private})
	_, _, bytes := of(t, recordtest.Options{Outputs: outputs("b"), Env: env, Edit: private})
	_, _, energy := of(t, recordtest.Options{Outputs: outputs("a"), Env: env, Edit: private, Energy: -1})
	_, _, lines := of(t, recordtest.Options{Outputs: outputs("a"), Env: env, Edit: func(p *plan.Plan) { p.Run = "scf > /home/" + recordtest.User + "/x\n" }})
	for _, tc := range []struct {
		name    string
		a, b    *load.Record
		verdict string
		kinds   string
		note    string
	}{
		{"run and redacted", run, redacted, compare.Same, "", "both are the record of one run"},
		{"full and redacted", full, redacted, compare.Same, "", "both are the record of one run"},
		{"redacted and full", redacted, full, compare.Same, "", "both are the record of one run"},
		{"redacted and itself", redacted, redacted, compare.Same, "", ""},
		{"another run", full, again, compare.SameResults, "", "not compared, since a redacted record lacks what is private in it: "},
		{"two that are redacted", redacted, again, compare.SameResults, "", "not compared"},
		{"other bytes", full, bytes, compare.Different, "output", "not compared"},
		{"another number", full, energy, compare.Different, "number output", "not compared"},
		{"other lines", full, lines, compare.SameResults, "job", "not compared"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rep, err := compare.Runs(tc.a, tc.b)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, d := range rep.Differences {
				kinds = append(kinds, d.Kind)
			}
			if rep.Verdict != tc.verdict || strings.Join(kinds, " ") != tc.kinds || !strings.Contains(strings.Join(rep.Notes, "\n"), tc.note) {
				t.Errorf("%s: %+v, %q", rep.Verdict, rep.Differences, rep.Notes)
			}
		})
	}
}
