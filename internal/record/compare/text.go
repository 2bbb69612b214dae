package compare

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Text prints the report for people.
func (r *Report) Text(w io.Writer) {
	fmt.Fprintf(w, "%s and %s: %s\n", r.A, r.B, r.Verdict)
	for _, n := range r.Numbers {
		if n.Agree {
			fmt.Fprintf(w, "  number   %s: %s: %.15g and %.15g agree (%.2g apart, %.2g allowed)\n", n.File, n.Where, n.A, n.B, n.Off, n.Allowed)
		}
	}
	for _, d := range r.Differences {
		tail := ""
		if d.Expected {
			tail = " (its numbers agree)"
		}
		if short(d.A) && short(d.B) {
			fmt.Fprintf(w, "  %-8s %s: %s, then %s%s\n", d.Kind, d.What, orNone(d.A), orNone(d.B), tail)
			continue
		}
		fmt.Fprintf(w, "  %-8s %s%s\n    - %s\n    + %s\n", d.Kind, d.What, tail, indent(d.A), indent(d.B))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
}

func short(s string) bool { return len(s) <= 40 && !strings.Contains(s, "\n") }

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func indent(s string) string {
	return strings.ReplaceAll(orNone(strings.TrimRight(s, "\n")), "\n", "\n      ")
}
