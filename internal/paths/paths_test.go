package paths

import (
	"strings"
	"testing"
)

func TestExpansions(t *testing.T) {
	for pattern, want := range map[string]int{
		"a": 1, "{a,b}": 2, "{a,b}{c,d,e}": 6, "{a,{b,c}d}": 3, `\{a,b}`: 2, "x{a}": 1, "{a,b": 2,
		strings.Repeat("{a,b}", 20): maxExpansions + 1, "{" + strings.Repeat("a,", 2000) + "}": maxExpansions + 1,
	} {
		if got := expansions(pattern); got != want {
			t.Errorf("%.40s: %d, want %d", pattern, got, want)
		}
	}
}

// No spelling of an output leads out of the directory, or into our own.
func TestOutput(t *testing.T) {
	for _, good := range []string{"a.txt", "out/**/*.log", "{a,b}/c", `\[a]`, "..a", "a..b/c"} {
		if problem, _ := Output(good); problem != "" {
			t.Errorf("%s: %s", good, problem)
		}
	}
	for _, bad := range []string{"/a", "../a", "a/../../b", "{..,a}/b", "{/etc,a}", `\../a`, ".nixbatch/runs", "{.nixbatch,a}/x", ".", "./", "[a", "~/a", "!", "!/a", "!../a"} {
		if problem, _ := Output(bad); problem == "" {
			t.Errorf("%s is let through", bad)
		}
	}
	if problem, _ := File("*.xyz"); problem == "" {
		t.Error("a pattern is the name of a file")
	}
	for _, good := range []string{"*.xyz", "!*.tmp", "../basis", "/data/x", "a[1].dat", "a[1"} {
		if problem, _ := Input(good); problem != "" {
			t.Errorf("%s: %s", good, problem)
		}
	}
	for _, bad := range []string{"", "!", "*[1", "~/a", strings.Repeat("{a,b}", 20)} {
		if problem, _ := Input(bad); problem == "" {
			t.Errorf("%s is let through", bad)
		}
	}
}

// A number may be looked for in what is an output, or in several of them.
func TestAmong(t *testing.T) {
	outputs := []string{"a.out", "*.json", "deep/**/x.log", "b-1.dat"}
	for file, want := range map[string]bool{"a.out": true, "r.json": true, "r*.json": true, "deep/a/b/x.log": true, "b-*.dat": true, "c.out": false, "x.log": false, "[": false} {
		if got := Among(outputs, file); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
}
