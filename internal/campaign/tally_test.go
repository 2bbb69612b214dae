package campaign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// verdict is what was found after a fault; four empty lists are what is wanted.
type verdict struct {
	lost, doubled, foreign, untrue []string
	// unjudged is why the end of the fault could not be seen.
	unjudged []string
}

func (v verdict) good() bool {
	return len(v.lost)+len(v.doubled)+len(v.foreign)+len(v.untrue)+len(v.unjudged) == 0
}

// result is a fault that was injected.
type result struct {
	fault planned
	verdict
	evidence string
	took     time.Duration
}

// row is a line of the table.
type row struct {
	count, lost, doubled, foreign, untrue, unjudged int

	took time.Duration
}

func (r *row) add(o row) {
	r.count += o.count
	r.lost += o.lost
	r.doubled += o.doubled
	r.foreign += o.foreign
	r.untrue += o.untrue
	r.unjudged += o.unjudged
	r.took += o.took
}

func (r row) good() bool { return r.lost+r.doubled+r.foreign+r.untrue+r.unjudged == 0 }

// tally counts by kind.
type tally struct {
	mu   sync.Mutex
	rows map[string]row
}

func (y *tally) add(t *testing.T, r result) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.rows == nil {
		y.rows = map[string]row{}
	}
	one := func(s []string) int { return min(1, len(s)) }
	sum, counts := y.rows[r.fault.kind.name], row{1, one(r.lost), one(r.doubled), one(r.foreign), one(r.untrue), one(r.unjudged), r.took}
	sum.add(counts)
	y.rows[r.fault.kind.name] = sum
	if r.good() {
		return
	}
	t.Logf("%s, number %d: %s\nmust hold: %s\n%s", r.fault.kind.name, r.fault.nth, r.fault.kind.does, r.fault.kind.holds, r.evidence)
}

// table is the counts by kind, those that failed first.
func (y *tally) table() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var b strings.Builder
	line := func(name string, r row) {
		fmt.Fprintf(&b, "%-34s %5d %5d %8d %8d %7d %9d %8.1f\n", name, r.count, r.lost, r.doubled, r.foreign, r.untrue, r.unjudged,
			r.took.Seconds()/float64(max(1, r.count)))
	}
	fmt.Fprintf(&b, "%-34s %5s %5s %8s %8s %7s %9s %8s\n", "kind", "count", "lost", "doubled", "foreign", "untrue", "unjudged", "seconds")
	var all row
	for _, good := range []bool{false, true} {
		for _, name := range slices.Sorted(maps.Keys(y.rows)) {
			r := y.rows[name]
			if r.good() != good {
				continue
			}
			line(name, r)
			all.add(r)
		}
	}
	line("all", all)
	return b.String()
}

// bad are the kinds that failed.
func (y *tally) bad() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(y.rows)) {
		if !y.rows[name].good() {
			out = append(out, name)
		}
	}
	return out
}
