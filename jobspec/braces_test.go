package jobspec

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
	_, err := Parse("job.yaml", []byte("name: x\nenvironment: {nixpkgs: {path: p}, packages: [hello]}\noutputs: ['"+strings.Repeat("{a,b}", 20)+"']\nrun: x\n"))
	if err == nil || !strings.Contains(err.Error(), "job.yaml:3:") || !strings.Contains(err.Error(), "stands for more than 1000 patterns") {
		t.Error(err)
	}
}
