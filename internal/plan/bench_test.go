package plan_test

import (
	"fmt"
	"testing"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/slurm"
)

// BenchmarkPlan10000 plans for a cluster of 10,000 nodes in 50 classes, from
// the inventory on.
func BenchmarkPlan10000(b *testing.B) {
	cpus := []string{"haswell", "broadwell", "skylake-sp", "cascadelake", "icelake-sp", "sapphirerapids", "zen2", "zen3", "zen4", "zen5"}
	mapped := map[string]string{}
	for i, c := range []string{"haswell", "broadwell", "skylake-avx512", "cascadelake", "icelake-server", "sapphirerapids", "znver2", "znver3", "znver4", "znver5"} {
		mapped[cpus[i]] = c
	}
	var nodes []slurm.Node
	for i := range 10000 {
		f := []string{cpus[i%10], fmt.Sprintf("mem%d", i%50/10), "ib"}
		nodes = append(nodes, slurm.Node{Name: fmt.Sprintf("n%05d", i), Partitions: []string{"main"}, Features: f, Active: f,
			Sockets: 2, Cores: 32, Threads: 2, CPUs: 128, MemoryMiB: 256000})
	}
	var k cluster.Knowledge
	k.MapFeatures(mapped)
	for _, strategy := range []string{"dispatch", "constrain", "common"} {
		b.Run(strategy, func(b *testing.B) {
			s := job(b, "packages: [rhf]; strategy: "+strategy, "constraint: ib; nodes: 1500")
			for b.Loop() {
				some, err := cluster.Eligible(nodes, cluster.PlaceOf(s.Slurm), "main")
				if err != nil {
					b.Fatal(err)
				}
				p, err := plan.Make(input(b, s, cluster.Classes(some, &k)))
				if err != nil {
					b.Fatal(err)
				}
				if len(p.Classes) != 50 {
					b.Fatalf("%d classes, want 50", len(p.Classes))
				}
			}
		})
	}
}
