package compare

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/screen"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// most is how many lines of a kind people are shown.
const most = 10

// Text prints the report for people: of each kind of difference no more than ten.
func (r *Report) Text(w io.Writer) {
	screen.Printf(w, "%s and %s: %s\n", r.A, r.B, r.Verdict)
	if c := r.Counts; c != nil {
		screen.Printf(w, "  tasks    %d in both, %d only in the first, %d only in the second\n", c.Tasks, c.OnlyA, c.OnlyB)
		screen.Printf(w, "  numbers  %d compared: %d differ, %d missing, %d agree\n", c.Numbers, c.Differ, c.Missing, c.Agree)
	}
	r.agreeing(w)
	shown, more := map[string]int{}, map[string]int{}
	for _, d := range r.Differences {
		if shown[d.Kind] == most {
			more[d.Kind]++
			continue
		}
		shown[d.Kind]++
		r.difference(w, d)
	}
	for _, kind := range order {
		if n := more[kind]; n > 0 {
			screen.Printf(w, "  %-8s and %d more; --json has all\n", kind, n)
		}
	}
	for _, n := range r.Notes {
		screen.Printf(w, "  note: %s\n", n)
	}
}

// agreeing tells of the numbers that agree; of many the furthest apart.
func (r *Report) agreeing(w io.Writer) {
	told, rest := 0, 0
	for _, n := range r.Numbers {
		if !n.Agree {
			continue
		}
		if told == most || r.Counts != nil && told == 1 {
			rest++
			continue
		}
		told++
		screen.Printf(w, "  number   %s: %s: %.15g and %.15g%s agree (%.2g apart, %.2g allowed)\n", n.task(), cmp.Or(n.Name, n.Where), float64(n.A), float64(n.B),
			unit(n.Unit), float64(n.Off), float64(n.Allowed))
	}
	if rest > 0 {
		screen.Printf(w, "  number   and %d more agree, and are no further apart\n", rest)
	}
}

// task is the file, with the task that it is of and its values.
func (n Number) task() string {
	if n.Values == "" {
		return n.File
	}
	return fmt.Sprintf("task %d (%s): %s", n.Task, n.Values, n.place)
}

func unit(u string) string {
	if u == "" {
		return ""
	}
	return " " + u
}

func (r *Report) difference(w io.Writer, d Difference) {
	tail := ""
	if d.Expected {
		tail = " (its numbers agree)"
	}
	if short(d.A) && short(d.B) {
		screen.Printf(w, "  %-8s %s: %s, then %s%s\n", d.Kind, d.What, orNone(d.A), orNone(d.B), tail)
		return
	}
	screen.Printf(w, "  %-8s %s%s\n    - %s\n    + %s\n", d.Kind, d.What, tail, indented(d.A), indented(d.B))
}

func short(s string) bool { return len(s) <= 40 && !strings.Contains(s, "\n") }

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func indented(s string) screen.Text { return screen.Text(screen.Lines(orNone(s), "      ")) }
