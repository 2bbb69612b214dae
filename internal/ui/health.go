package ui

import (
	"io"

	"github.com/nixbatch/nixbatch/internal/doctor"
	"github.com/nixbatch/nixbatch/internal/screen"
)

// PrintHealth prints the findings of doctor, a line each.
func PrintHealth(w io.Writer, h doctor.Health) error {
	t := Table(w)
	for _, c := range h.Checks {
		screen.Printf(t, "%s\t%s\t%s\t%s\n", c.Verdict, c.About, c.Name, c.Says)
		if c.Way != "" {
			screen.Printf(t, "\t\t\thint: %s\n", c.Way)
		}
	}
	return t.Flush()
}
