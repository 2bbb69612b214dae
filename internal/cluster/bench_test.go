package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/slurm"
)

// large is 10,000 nodes in 50 classes, and knowledge of a node in ten.
func large(b *testing.B) ([]slurm.Node, *cluster.Knowledge) {
	b.Helper()
	cpus := []string{"haswell", "broadwell", "skylake-sp", "cascadelake", "icelake-sp", "sapphirerapids", "zen2", "zen3", "zen4", "zen5"}
	var nodes []slurm.Node
	var k cluster.Knowledge
	for i := range 10000 {
		class := i % 50
		features := []string{cpus[class%10], fmt.Sprintf("mem%d", class/10), "ib", "lustre", "scratch", "rack" + fmt.Sprint(class%7)}
		n := slurm.Node{Name: fmt.Sprintf("n%05d", i), Partitions: []string{"main", fmt.Sprintf("p%d", class%4)}, State: "idle",
			Features: features, Active: features, Sockets: 2, Cores: 32, Threads: 2, CPUs: 128, MemoryMiB: 256000}
		nodes = append(nodes, n)
		if i%10 == class/5 {
			k.Learn(saw(b, n.Name, cpus[class%10], day(i), features...))
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	return nodes, &k
}

func BenchmarkClasses10000(b *testing.B) {
	nodes, k := large(b)
	classes := 0
	for b.Loop() {
		classes = len(cluster.Classes(nodes, k))
	}
	if classes != 50 {
		b.Fatalf("%d classes, want 50", classes)
	}
}

func BenchmarkEligible10000(b *testing.B) {
	nodes, _ := large(b)
	r := cluster.Place{Partition: "main", Constraint: "(ib&lustre)|nosuch", Exclude: "n[00000-00999]", Nodes: 1}
	for b.Loop() {
		if _, err := cluster.Eligible(nodes, r, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad10000(b *testing.B) {
	_, k := large(b)
	path := filepath.Join(b.TempDir(), "c.json")
	if _, err := k.Publish(path); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := cluster.Load(cluster.File{Path: path, From: "admin"}); err != nil {
			b.Fatal(err)
		}
	}
}
