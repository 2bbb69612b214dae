package jobspec

import (
	"strings"
	"testing"
)

// An output that stands for too many patterns is told at its place.
func TestTooManyBraces(t *testing.T) {
	_, err := Parse("job.yaml", []byte("name: x\nenvironment: {nixpkgs: {path: p}, packages: [hello]}\noutputs: ['"+strings.Repeat("{a,b}", 20)+"']\nrun: x\n"))
	if err == nil || !strings.Contains(err.Error(), "job.yaml:3:") || !strings.Contains(err.Error(), "stands for more than 1000 patterns") {
		t.Error(err)
	}
}
