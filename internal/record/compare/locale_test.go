package compare

import (
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// The locale is what the site gave, or what the job file says over it.
func TestLocale(t *testing.T) {
	s := facts.Start{Environ: map[string]string{"LANG": "C.UTF-8", "TZ": "UTC"}}
	if got := locale(&s); got != "LANG=C.UTF-8" {
		t.Error(got)
	}
	s.Vars = []facts.Var{{Name: "LC_NUMERIC", Value: "C"}, {Name: "LANG", Value: "de_DE.UTF-8"}, {Name: "OMP_NUM_THREADS", Value: "1"}}
	if got := locale(&s); got != "LANG=de_DE.UTF-8 LC_NUMERIC=C" {
		t.Error(got)
	}
	if got := locale(&facts.Start{}); got != "" {
		t.Error(got)
	}
}
