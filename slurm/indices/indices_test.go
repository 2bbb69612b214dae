package indices_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/slurm/indices"
)

func TestIndices(t *testing.T) {
	for want, ns := range map[string][]int{"": nil, "7": {7}, "0,1": {0, 1}, "0-2": {0, 1, 2}, "0-2,4,9,10,12-14": {0, 1, 2, 4, 9, 10, 12, 13, 14}} {
		if got := indices.Format(ns); got != want {
			t.Errorf("%v is %q, want %q", ns, got, want)
		}
		if back, err := indices.Parse(want); err != nil || !slices.Equal(back, ns) {
			t.Errorf("%q is %v, %v", want, back, err)
		}
	}
	if ns, err := indices.Parse("0-9:4,12"); err != nil || !slices.Equal(ns, []int{0, 4, 8, 12}) {
		t.Errorf("a step: %v, %v", ns, err)
	}
	for _, bad := range []string{"a", "1-", "3-1", "2,1", "1,,2", "-1", "1,1", "1:2", "1-3:0", "1-3:x", "0-10000000", "+1", "0-9,"} {
		if ns, err := indices.Parse(bad); err == nil {
			t.Errorf("%q is %v", bad, ns)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.SliceOfNDistinct(rapid.IntRange(0, 3000), 1, 400, rapid.ID[int]).Draw(t, "indices")
		slices.Sort(ns)
		list := indices.Format(ns)
		if back, err := indices.Parse(list); err != nil || !slices.Equal(back, ns) {
			t.Fatalf("%s is %v, %v", list, back, err)
		}
		most := rapid.IntRange(1, 200).Draw(t, "bytes")
		base := rapid.IntRange(0, 5000).Draw(t, "base")
		moved := make([]int, len(ns))
		for i := range ns {
			moved[i] = ns[i] + base
		}
		n := indices.Fit(moved, base, most)
		if len(indices.Format(ns[:n])) > most || n < len(ns) && len(indices.Format(ns[:n+1])) <= most {
			t.Fatalf("%d of %v in %d bytes", n, ns, most)
		}
	})
}
