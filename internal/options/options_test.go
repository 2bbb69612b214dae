package options_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/options"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// The user's comment stands beside the run id: it must leave room for it, and
// not look like it.
func TestComment(t *testing.T) {
	for value, ok := range map[string]bool{
		"project x, third try": true, strings.Repeat("a", 800): true, strings.Repeat("a", 801): false, "see nixbatch:water-1": false, "a\nb": false,
	} {
		if err := options.Check("comment", value); (err == nil) != ok {
			t.Errorf("comment %.40q: %v", value, err)
		}
	}
	if err := options.Check("account", "nixbatch:x"); err != nil {
		t.Errorf("another option: %v", err)
	}
}

// What nixbatch sets itself is sbatch's, has a reason, and is offered to nobody.
func TestManaged(t *testing.T) {
	managed := 0
	names := options.Names()
	for _, o := range sbatch.Table() {
		why := options.Managed(o.Name)
		if why != "" {
			managed++
		}
		if slices.Contains(names, o.Name) == (why != "") {
			t.Errorf("%s: reason %q, and among the names: %v", o.Name, why, slices.Contains(names, o.Name))
		}
	}
	if managed != 26 || !slices.IsSorted(names) {
		t.Errorf("%d options are managed; names %v", managed, names)
	}
	for _, name := range []string{"array", "job-name", "output", "chdir", "export", "wrap", "wait", "uid"} {
		if options.Managed(name) == "" {
			t.Errorf("%s may be set", name)
		}
	}
}
