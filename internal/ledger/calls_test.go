package ledger_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/slurm/indices"
)

// Whatever tasks are to be submitted, every one is in exactly one call, no
// list is too long for Slurm, no index too high, and the throttles of those that
// may run at the same time never add up to more than was asked for.
func TestCalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SliceOfNDistinct(rapid.IntRange(0, 30000), 1, 4000, rapid.ID[int]).Draw(t, "tasks")
		if rapid.Bool().Draw(t, "dense") {
			for i := range set {
				set[i] = i
			}
		}
		slices.Sort(set)
		limit := rapid.IntRange(2, 20000).Draw(t, "limit")
		running := rapid.IntRange(0, 50).Draw(t, "running")
		calls := ledger.Calls(set, limit, running, 3)
		var got []int
		for i, c := range calls {
			ns, err := indices.Parse(c.Array)
			if err != nil || len(ns) != c.Count || c.Attempt != 3 {
				t.Fatalf("call %d: %+v, %v", i, c, err)
			}
			if len(c.Array) > 4000 || ns[len(ns)-1] >= limit {
				t.Fatalf("call %d: %d bytes, index %d of %d", i, len(c.Array), ns[len(ns)-1], limit)
			}
			for _, n := range ns {
				got = append(got, n+c.Offset)
			}
			if c.Behind > i {
				t.Fatalf("call %d waits for call %d", i, c.Behind-1)
			}
			if running > 0 && c.Limit < 1 {
				t.Fatalf("call %d has no throttle", i)
			}
		}
		if !slices.Equal(got, set) {
			t.Fatalf("%d tasks became %d", len(set), len(got))
		}
		if len(calls) > 0 && running > 0 {
			widest := 0
			lanes := map[int]int{} // first call of a chain → its throttle
			root := make([]int, len(calls))
			for i, c := range calls {
				root[i] = i
				if c.Behind > 0 {
					root[i] = root[c.Behind-1]
				}
				lanes[root[i]] = max(lanes[root[i]], c.Limit)
			}
			for _, n := range lanes {
				widest += n
			}
			if widest > running {
				t.Fatalf("%d tasks may run at once, %d were asked for", widest, running)
			}
		}
	})
}
