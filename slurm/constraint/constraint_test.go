package constraint_test

import (
	"slices"
	"testing"

	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm/constraint"
)

// Counts: the nodes beyond the count may be any (tried: -N4 with haswell*2 ran
// on two Haswells and two others).
func TestConstraintCounts(t *testing.T) {
	for _, c := range []struct {
		expr  string
		nodes int
		want  []string
	}{
		{"haswell*2", 2, []string{"hsw"}},
		{"haswell*2", 4, []string{"hsw", "skx", "zen"}},
		{"[haswell*2&zen4*2]", 4, []string{"hsw", "zen"}},
		{"[haswell*2&zen4*2]", 9, []string{"hsw", "zen"}},
		{"avx512&haswell*1", 3, []string{"skx", "zen"}},
	} {
		var got []string
		for _, cl := range testbed.DefaultClasses() {
			ok, err := constraint.Match(c.expr, cl.Features, c.nodes)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				got = append(got, cl.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s on %d nodes: %v, want %v", c.expr, c.nodes, got, c.want)
		}
	}
	for _, expr := range []string{"haswell*", "haswell*x", "haswell*0"} {
		if _, err := constraint.Match(expr, nil, 1); err == nil {
			t.Errorf("%s: no error", expr)
		}
	}
}
