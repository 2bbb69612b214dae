package ui

import (
	"io"

	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/slurm"
)

// Rerun is what rerun --json prints.
type Rerun struct {
	Schema string          `json:"schema"`
	RunID  string          `json:"run_id"`
	Dir    string          `json:"run_dir"`
	State  slurm.State     `json:"state"`
	Same   map[string]bool `json:"same_derivation"` // by arch
	Notes  []string        `json:"notes"`
	Diff   *compare.Report `json:"diff"`
}

// PrintRerun prints what became of it.
func PrintRerun(w io.Writer, r Rerun, asJSON bool) error {
	if asJSON {
		if r.Notes == nil {
			r.Notes = []string{}
		}
		return PrintJSON(w, r)
	}
	for arch, same := range r.Same {
		if same {
			screen.Printf(w, "the %s build has the recorded derivation\n", arch)
		}
	}
	r.Diff.Text(w)
	return nil
}
