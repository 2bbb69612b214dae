package numbers_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/numbers"
)

const scf = `
 CHARGES of the guess
 1 O  0.100
 2 H -0.050

 TOTAL ENERGY
 in hartree   step   value
              1      -74.5
 CHARGES
 ---------------
 atom  el  q
 ---------------
 1     O   -0.700
 2     H    0.350

 3 sum      0.000
 TOTAL ENERGY
 in hartree   step   value
              2      -74.9
`

var dir = fstest.MapFS{
	"out.txt":    {Data: []byte("step 1 energy = -1.5\nstep 2 energy = 1.0D-03,\nend\n")},
	"odd.txt":    {Data: []byte("energy = NaN\nenergy = -Infinity\nenergy = +inf;\nenergy = nan\n")},
	"stars.txt":  {Data: []byte("energy = ********\nbig = 1e999\n")},
	"out.json":   {Data: []byte(`{"scf": {"energies": [1, 2.5, "3e0"], "note": true, "none": null}, "list": [{"v": 1}, {"v": 2}], "word": "x"}`)},
	"py.json":    {Data: []byte(`{"e\" NaN": "Infinity x", "v": [NaN, -Infinity, Infinity, -1.5]}`)},
	"cut.json":   {Data: []byte(`{"scf": `)},
	"two.json":   {Data: []byte(`{"a": 1} {"a": 2}`)},
	"long.txt":   {Data: []byte(strings.Repeat("x", 2<<20))},
	"many.txt":   {Data: []byte(strings.Repeat("1\n", 10001))},
	"scf.out":    {Data: []byte(scf)},
	"a.csv":      {Data: []byte("step, energy ,\"force, max\"\r\n1,-1.5,0.2\r\n2,-2.5,0.1\r\n")},
	"bare.csv":   {Data: []byte("1,-1.5\n2,-2.5\n")},
	"ragged.csv": {Data: []byte("a,b\n1,2\n3\n")},
	"semi.txt":   {Data: []byte("e;f\n1;2\n")},
	"t.tsv":      {Data: []byte("a b\tc d\n1\t2\n")},
	"xvg.dat":    {Data: []byte("# made by a program\n# time energy\n0.0 -1\n1.0 -2\n")},
	"head.dat":   {Data: []byte("\ntime energy\n==== ======\n0.0 -1\n\n1.0 -2\n")},
	"r-1.out":    {Data: []byte("e=1\n")},
	"r-2.out":    {Data: []byte("e=2\ne=3\n")},
	"empty.out":  {Data: nil},
}

func find(l facts.Look) facts.Number {
	outputs := []facts.File{{Path: "gone.txt", SHA256: "00"}, {Path: "r-9.skip", Skipped: "over the limit"}, {Path: "skipped.txt", Skipped: "not a regular file"}}
	for _, name := range []string{"out.txt", "odd.txt", "stars.txt", "out.json", "py.json", "cut.json", "two.json", "long.txt", "many.txt", "scf.out", "a.csv", "bare.csv",
		"ragged.csv", "semi.txt", "t.tsv", "xvg.dat", "head.dat", "r-1.out", "r-2.out", "empty.out"} {
		outputs = append(outputs, facts.File{Path: name, SHA256: "00"})
	}
	log := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("printed 7\nprinted 8\n")), nil }
	return numbers.Find(dir, []facts.Look{l}, outputs, log)[0]
}

func TestFind(t *testing.T) {
	type look = facts.Look
	for _, tc := range []struct {
		look look
		want string // the values, or why there is none
	}{
		{look{File: "out.txt", Pattern: `energy = (\S+)`}, "-1.5 0.001"},
		{look{File: "out.txt", Pattern: `energy = (\S+)`, Which: "first"}, "-1.5"},
		{look{File: "out.txt", Pattern: `energy = (\S+)`, Which: "last"}, "0.001"},
		{look{File: "out.txt", Pattern: `[0-9]+`}, "1 1 5 2 1 0 3"},
		{look{File: "out.txt", Pattern: "enthalpy"}, "nothing there fits"},
		{look{File: "out.txt", Pattern: "("}, "missing closing )"},
		{look{File: "odd.txt", Pattern: `= (\S+)`}, "NaN -Infinity Infinity NaN"},
		{look{File: "stars.txt", Pattern: `energy = (\S+)`}, `"********" is not a number`},
		{look{File: "stars.txt", Pattern: `big = (\S+)`}, `"1e999" is too large for a number`},
		{look{File: "long.txt", Pattern: "1"}, "it has a line of more than 1 MiB"},
		{look{File: "many.txt", Pattern: "1"}, "there are more than 10000 numbers"},
		{look{File: "many.txt", Pattern: "1", Which: "last"}, "1"},
		{look{File: "empty.out", Pattern: "1"}, "nothing there fits"},
		{look{Log: true, Pattern: `printed (\d+)`}, "7 8"},
		{look{Log: true, Column: "2", Which: "last"}, "8"},

		{look{File: "scf.out", Pattern: "TOTAL ENERGY", Line: 2}, "1 2"},
		{look{File: "scf.out", Pattern: "TOTAL ENERGY", Line: 2, Column: "2"}, "-74.5 -74.9"},
		{look{File: "scf.out", Pattern: "TOTAL ENERGY", Line: 2, Column: "2", Which: "last"}, "-74.9"},
		{look{File: "scf.out", Pattern: "step +value", Column: "4"}, `"value" is not a number`},
		{look{File: "scf.out", Pattern: "TOTAL ENERGY", Line: 2, Column: "3"}, "there is no field 3 in"},
		{look{File: "scf.out", Pattern: "TOTAL ENERGY", Line: 1}, "there is no number in"},
		{look{File: "scf.out", Pattern: "TOTAL ENERGY", Line: 20}, "nothing there fits"},
		{look{File: "scf.out", Section: "CHARGES", Column: "3"}, "0.1 -0.05 -0.7 0.35"},
		{look{File: "scf.out", Section: `CHARGES$`, Column: "q", Line: 1}, "-0.7 0.35"},
		{look{File: "scf.out", Section: `CHARGES$`, Until: "sum", Column: "q", Which: "first"}, "-0.7"},
		{look{File: "scf.out", Section: `CHARGES$`, Until: "TOTAL", Line: 3, Column: "3", Header: "no"}, "-0.7 0.35 0"},
		{look{File: "scf.out", Section: `CHARGES$`, Until: "TOTAL", Pattern: `H +(\S+)`}, "0.35"},
		{look{File: "scf.out", Section: `CHARGES$`, Pattern: `value`, Line: 1, Column: "2"}, "-74.9"},

		{look{File: "a.csv", Column: "energy"}, "-1.5 -2.5"},
		{look{File: "a.csv", Column: "force, max", Which: "last"}, "0.1"},
		{look{File: "a.csv", Column: "2"}, "-1.5 -2.5"},
		{look{File: "a.csv", Column: "2", Header: "no"}, `"energy" is not a number`},
		{look{File: "a.csv", Column: "enthalpy"}, `no column is called "enthalpy"`},
		{look{File: "bare.csv", Column: "2"}, "-1.5 -2.5"},
		{look{File: "bare.csv", Column: "2", Header: "yes"}, "-2.5"},
		{look{File: "ragged.csv", Column: "b"}, "row 2 has 1 columns"},
		{look{File: "semi.txt", Column: "f", Separator: "semicolon"}, "2"},
		{look{File: "t.tsv", Column: "c d"}, "2"},
		{look{File: "xvg.dat", Column: "energy"}, "-1 -2"},
		{look{File: "xvg.dat", Column: "2"}, "-1 -2"},
		{look{File: "head.dat", Column: "energy"}, "-1 -2"},

		{look{File: "out.json", JSON: "scf.energies[1]"}, "2.5"},
		{look{File: "out.json", JSON: "scf.energies[*]"}, "1 2.5 3"},
		{look{File: "out.json", JSON: "scf.energies[*]", Which: "last"}, "3"},
		{look{File: "out.json", JSON: "list[*].v"}, "1 2"},
		{look{File: "out.json", JSON: "scf.energies[7]"}, `there is no "7"`},
		{look{File: "out.json", JSON: "scf.note"}, "what is there is no number"},
		{look{File: "out.json", JSON: "scf.none"}, "what is there is null"},
		{look{File: "out.json", JSON: "word"}, `"x" is not a number`},
		{look{File: "py.json", JSON: "v[*]"}, "NaN -Infinity Infinity -1.5"},
		{look{File: "cut.json", JSON: "scf"}, "unexpected EOF"},
		{look{File: "two.json", JSON: "a"}, "something behind the JSON"},

		{look{File: "r-*.out", Pattern: `e=(\S+)`}, "1 2 3"},
		{look{File: "r-*.out", Pattern: `e=(\S+)`, Which: "last"}, "3"},
		{look{File: "r-*", Pattern: `e=(\S+)`}, "r-9.skip: over the limit"},
		{look{File: "skipped.txt", Pattern: "1"}, "not a regular file"},
		{look{File: "gone.txt", Pattern: "1"}, "file does not exist"},
		{look{File: "other.txt", Pattern: "1"}, "no such file among the outputs"},
	} {
		n := find(tc.look)
		var values []string
		for _, v := range n.Values {
			values = append(values, v.String())
		}
		switch got := strings.Join(values, " "); {
		case n.Look != tc.look:
			t.Errorf("%+v became %+v", tc.look, n.Look)
		case n.Problem != "" && len(values) > 0:
			t.Errorf("%+v: %s and %s", tc.look, got, n.Problem)
		case n.Problem == "" && got != tc.want, n.Problem != "" && !strings.Contains(n.Problem, tc.want):
			t.Errorf("%+v: %q, %q; want %q", tc.look, got, n.Problem, tc.want)
		}
	}
	if n := find(facts.Look{File: "r-*.out", Pattern: "e=(.)"}); strings.Join(n.Files, " ") != "r-1.out r-2.out" {
		t.Errorf("%v", n.Files)
	}
}

// A log that cannot be read is told, and nothing is made of it.
func TestNoLog(t *testing.T) {
	n := numbers.Find(dir, []facts.Look{{Log: true, Pattern: "1"}}, nil, func() (io.ReadCloser, error) { return nil, errors.New("it is gone") })[0]
	if n.Problem != "it is gone" || len(n.Values) > 0 || n.Values == nil {
		t.Errorf("%+v", n)
	}
}
