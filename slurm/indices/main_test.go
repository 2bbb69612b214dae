package indices_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain keeps rapid from writing failure files into the checkout: it prints
// the seed that reproduces a failure as well.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
