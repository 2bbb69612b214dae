package variables_test

import (
	"slices"
	"testing"

	"github.com/nixbatch/nixbatch/internal/variables"
)

func TestReserved(t *testing.T) {
	for name, want := range map[string]bool{"SLURM_JOB_ID": true, "BASH_ENV": true, "PATH": true, "PATHS": false, "MY_SLURM_X": false, "OMP_NUM_THREADS": false} {
		if got := slices.ContainsFunc(variables.Reserved, func(f variables.Family) bool { return f.Matches(name) }); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, f := range variables.Reserved {
		if f.Reason == "" {
			t.Errorf("%s has no reason", f.Name)
		}
	}
}
