package compare

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/screen"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Text prints the report for people.
func (r *Report) Text(w io.Writer) {
	screen.Printf(w, "%s and %s: %s\n", r.A, r.B, r.Verdict)
	for _, n := range r.Numbers {
		if n.Agree {
			screen.Printf(w, "  number   %s: %s: %.15g and %.15g agree (%.2g apart, %.2g allowed)\n", n.File, n.Where, n.A, n.B, n.Off, n.Allowed)
		}
	}
	for _, d := range r.Differences {
		tail := ""
		if d.Expected {
			tail = " (its numbers agree)"
		}
		if short(d.A) && short(d.B) {
			screen.Printf(w, "  %-8s %s: %s, then %s%s\n", d.Kind, d.What, orNone(d.A), orNone(d.B), tail)
			continue
		}
		screen.Printf(w, "  %-8s %s%s\n    - %s\n    + %s\n", d.Kind, d.What, tail, indented(d.A), indented(d.B))
	}
	for _, n := range r.Notes {
		screen.Printf(w, "  note: %s\n", n)
	}
}

func short(s string) bool { return len(s) <= 40 && !strings.Contains(s, "\n") }

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func indented(s string) screen.Text { return screen.Text(screen.Lines(orNone(s), "      ")) }
