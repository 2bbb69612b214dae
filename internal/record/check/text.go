package check

import (
	"io"

	"github.com/nixbatch/nixbatch/internal/screen"
)

// Text prints the page for people.
func (r *Report) Text(w io.Writer) {
	screen.Printf(w, "record of %s\n", orUnknown(r.RunID))
	if r.Root != "" {
		screen.Printf(w, "seal %s\nroot %s\n", r.Seal, r.Root)
	}
	screen.Printf(w, "\n")
	for _, v := range r.Verdicts {
		screen.Printf(w, "%-8s %s\n         %s\n", v.Verdict, v.What, v.Detail)
	}
	word := "nothing failed"
	if !r.OK {
		word = "something failed: do not rely on this record"
	}
	screen.Printf(w, "\n%s\n", word)
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown run"
	}
	return s
}
