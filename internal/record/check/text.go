package check

import (
	"fmt"
	"io"
)

// Text prints the page for people.
func (r *Report) Text(w io.Writer) {
	fmt.Fprintf(w, "record of %s\n", orUnknown(r.RunID))
	if r.Root != "" {
		fmt.Fprintf(w, "seal %s\nroot %s\n", r.Seal, r.Root)
	}
	fmt.Fprintln(w)
	for _, v := range r.Verdicts {
		fmt.Fprintf(w, "%-8s %s\n         %s\n", v.Verdict, v.What, v.Detail)
	}
	word := "nothing failed"
	if !r.OK {
		word = "something failed: do not rely on this record"
	}
	fmt.Fprintf(w, "\n%s\n", word)
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown run"
	}
	return s
}
