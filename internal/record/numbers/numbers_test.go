package numbers_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/numbers"
)

func TestFind(t *testing.T) {
	dir := fstest.MapFS{
		"out.txt":  {Data: []byte("step 1 energy = -1.5\nstep 2 energy = 1.0D-03,\nend\n")},
		"bad.txt":  {Data: []byte("energy = NaN\n")},
		"out.json": {Data: []byte(`{"scf": {"energies": [1, 2.5, "3e0"], "note": true}, "list": [{"v": 1}, {"v": 2}]}`)},
		"cut.json": {Data: []byte(`{"scf": `)},
		"long.txt": {Data: []byte(strings.Repeat("x", 2<<20))},
		"many.txt": {Data: []byte(strings.Repeat("1\n", 10001))},
	}
	outputs := []facts.File{{Path: "skipped.txt", Skipped: "not a regular file"}, {Path: "gone.txt", SHA256: "00"}}
	for name := range dir {
		outputs = append(outputs, facts.File{Path: name, SHA256: "00"})
	}
	for _, tc := range []struct {
		file, pattern, json string
		want                []float64
		problem             string
	}{
		{"out.txt", `energy = (\S+)`, "", []float64{-1.5, 0.001}, ""},
		{"out.txt", `[0-9]+`, "", []float64{1, 1, 5, 2, 1, 0, 3}, ""},
		{"out.txt", "enthalpy", "", nil, "nothing there fits"},
		{"out.txt", "(", "", nil, "missing closing )"},
		{"bad.txt", `= (\S+)`, "", nil, `"NaN" is not a number`},
		{"long.txt", "1", "", nil, "token too long"},
		{"many.txt", "1", "", nil, "there are more than 10000 numbers"},
		{"out.json", "", "scf.energies[1]", []float64{2.5}, ""},
		{"out.json", "", "scf.energies[*]", []float64{1, 2.5, 3}, ""},
		{"out.json", "", "list[*].v", []float64{1, 2}, ""},
		{"out.json", "", "scf.energies[7]", nil, `there is no "7"`},
		{"out.json", "", "scf.note", nil, "what is there is no number"},
		{"cut.json", "", "scf", nil, "unexpected end"},
		{"skipped.txt", "1", "", nil, "not a regular file"},
		{"gone.txt", "1", "", nil, "file does not exist"},
		{"other.txt", "1", "", nil, "no such file among the outputs"},
	} {
		got := numbers.Find(dir, []facts.Look{{File: tc.file, Pattern: tc.pattern, JSON: tc.json, Rel: 1e-9}}, outputs)
		if len(got) != 1 || got[0].Rel != 1e-9 || !strings.Contains(got[0].Problem, tc.problem) || (tc.problem == "") != (got[0].Problem == "") {
			t.Errorf("%s %s%s: %+.200v", tc.file, tc.pattern, tc.json, got)
		} else if tc.problem == "" && !slices.Equal(got[0].Values, tc.want) {
			t.Errorf("%s %s%s: %v", tc.file, tc.pattern, tc.json, got[0].Values)
		}
	}
}
