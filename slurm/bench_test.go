package slurm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/slurm"
)

// BenchmarkNodes reads sinfo's answer for 10,000 nodes in two partitions each.
func BenchmarkNodes(b *testing.B) {
	var out strings.Builder
	for i := range 10000 {
		n := fmt.Sprintf("n%05d", i)
		for _, p := range []string{"main", "all"} {
			out.WriteString(row(n, p, "mixed", "2", "64", "2", "256", "512000", fmt.Sprintf("class%d,ib,avx512", i%50), fmt.Sprintf("class%d,ib", i%50), p))
		}
	}
	r := says(out.String(), "", 0)
	c := &slurm.Client{Runner: r, Env: []string{}}
	for b.Loop() {
		if nodes, err := c.Nodes(context.Background()); err != nil || len(nodes) != 10000 {
			b.Fatal(len(nodes), err)
		}
		r.calls = r.calls[:0]
	}
}
