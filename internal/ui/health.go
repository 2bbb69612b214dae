package ui

import (
	"fmt"
	"io"

	"github.com/nixbatch/nixbatch/internal/doctor"
)

// PrintHealth prints the findings of doctor, a line each.
func PrintHealth(w io.Writer, h doctor.Health) error {
	t := Table(w)
	for _, c := range h.Checks {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Verdict, c.About, c.Name, c.Says)
		if c.Way != "" {
			fmt.Fprintf(t, "\t\t\thint: %s\n", c.Way)
		}
	}
	return t.Flush()
}
