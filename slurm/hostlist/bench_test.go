package hostlist_test

import (
	"testing"

	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

func BenchmarkExpand(b *testing.B) {
	list := hostlist.Compress(names(10000))
	for b.Loop() {
		if got, err := hostlist.Expand(list); err != nil || len(got) != 10000 {
			b.Fatal(len(got), err)
		}
	}
}

func BenchmarkCompress(b *testing.B) {
	all := names(10000)
	for b.Loop() {
		if hostlist.Compress(all) == "" {
			b.Fatal("empty")
		}
	}
}
