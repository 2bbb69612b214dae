package sbatch_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// A job that already waits for one waits for two more.
func ExampleOptions_After() {
	o := sbatch.Options{{Name: "dependency", Value: "singleton"}}.After("afterok", "12", "13_4")
	fmt.Println(o.Get("dependency"))
	fmt.Println(o.Awaited("afterok"))
	// Output:
	// singleton,afterok:12:13_4 true
	// [12 13_4]
}

func TestAfter(t *testing.T) {
	if o := (sbatch.Options{}).After("afterok"); len(o) != 0 {
		t.Errorf("nothing to wait for is %v", o)
	}
	given := sbatch.Options{{Name: "dependency", Value: "afterany:1"}, {Name: "time", Value: "5"}}
	more := given.After("afterok", "2")
	if v, _ := more.Get("dependency"); v != "afterany:1,afterok:2" || given[0].Value != "afterany:1" {
		t.Errorf("%q, and the options before are %v", v, given)
	}
	if err := sbatch.Check("dependency", "afterany:1,afterok:2"); err != nil {
		t.Error(err)
	}
}

func TestAwaited(t *testing.T) {
	for dep, want := range map[string][]string{
		"": nil, "singleton": nil, "afterok:1": {"1"}, "afterok:1:2_3,afterany:4,afterok:5": {"1", "2_3", "5"},
		"after:9?afterok:1": {"1"}, "afterok:1+5": {"1"}, "afterok": nil, "afterok:": nil, "afternotok:1": nil,
	} {
		o := sbatch.Options{{Name: "dependency", Value: dep}}
		if got := o.Awaited("afterok"); !slices.Equal(got, want) {
			t.Errorf("%q waits for %q, want %q", dep, got, want)
		}
	}
}
