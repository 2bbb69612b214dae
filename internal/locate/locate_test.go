package locate

import (
	"slices"
	"testing"
)

func TestColumn(t *testing.T) {
	for column, want := range map[string]int{"1": 1, "12": 12, "energy": 0, "1a": 0, "-1": 0, "": 0, "9999999999": 0} {
		if n, ok := Number(column); n != want || ok != (want > 0) {
			t.Errorf("%q is column %d, %v", column, n, ok)
		}
	}
	for column, bad := range map[string]bool{"0": true, "1": false, "100001": true, "E / Eh": false} {
		if problem, _ := Column(column); (problem != "") != bad {
			t.Errorf("%q: %s", column, problem)
		}
	}
}

func TestSeparator(t *testing.T) {
	for file, want := range map[string]string{"a.csv": "comma", "A.CSV": "comma", "a.tsv": "tab", "a.dat": "blank", "": "blank"} {
		if got := Separator("", file); got != want {
			t.Errorf("%q: %s", file, got)
		}
	}
	if got := Separator("semicolon", "a.csv"); got != "semicolon" {
		t.Error(got)
	}
}

// What is checked as a path is what is walked.
func TestSteps(t *testing.T) {
	for path, want := range map[string][]string{"a": {"a"}, "a.b[0].c": {"a", "b", "0", "c"}, "a[*][1]": {"a", "*", "1"}} {
		if problem, _ := JSONPath(path); problem != "" || !slices.Equal(Steps(path), want) {
			t.Errorf("%s: %s, %v", path, problem, Steps(path))
		}
	}
	for _, bad := range []string{"", "a..b", "[0]", "a[x]", "a.", ".a", "a[0"} {
		if problem, hint := JSONPath(bad); problem == "" || hint == "" {
			t.Errorf("%q is a path", bad)
		}
	}
}
