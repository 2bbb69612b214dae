package slurm_test

import (
	"flag"
	"testing"

	"github.com/nixbatch/nixbatch/internal/testbed"
)

// TestMain keeps rapid from writing failure files into the checkout: it prints
// the seed that reproduces a failure as well. Some tests ask a real cluster.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	testbed.Main(m)
}
