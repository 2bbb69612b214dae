package private

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/nixstore"
)

// A job file marks variables of env: and of its sweep as private. Their values
// are looked for wherever they occur, too: from longValue bytes on as any other,
// from longName bytes on as the name of a user is. What is shorter is replaced
// where it is set, and in the names of files.

// mark takes the names that a plan says are private, and their values in env:.
func (w Words) mark(plan *canon.Value) {
	for _, n := range plan.Get("private_names").Items {
		w.names[n.Text] = true
	}
	for _, e := range plan.Get("env").Items {
		if w.names[e.Get("name").Text] {
			w.value(e.Get("value").Text)
		}
	}
}

// sweep takes the private values of the table of a sweep's tasks.
func (w Words) sweep(table *canon.Value) {
	cells(table, w.names, func(v *canon.Value) { w.value(v.Text) })
}

// value adds a value that is marked, and the lines of one that has several.
func (w Words) value(s string) {
	for i, part := range append([]string{s}, strings.Split(s, "\n")...) {
		switch part = strings.TrimSpace(part); {
		case part == "":
		case len(part) >= longValue:
			w.values[part] = true
		case len(part) >= longName && !slices.Contains(ordinary, strings.ToLower(part)):
			w.Add(part)
		case i == 0: // a short line of several says nothing
			w.short[part] = true
		}
	}
	if len(s) >= longValue {
		w.values[s] = true
	}
}

// Names is the names that are marked.
func (w Words) Names() []string { return slices.Sorted(maps.Keys(w.names)) }

// Short is the marked values that are not looked for everywhere.
func (w Words) Short() []string { return slices.Sorted(maps.Keys(w.short)) }

// cells calls each for the values of a sweep's table that are private.
func cells(table *canon.Value, names map[string]bool, each func(*canon.Value)) {
	if len(names) == 0 || table.Get("schema").Text != facts.SweepSchema {
		return
	}
	head := table.Get("names").Items
	rows := table.Get("tasks")
	for i := range rows.Items {
		for k := range min(len(head), len(rows.Items[i].Items)) {
			if names[head[k].Text] {
				each(&rows.Items[i].Items[k])
			}
		}
	}
}

// set replaces the value of an object that sets a private variable.
func (r *Redactor) set(v *canon.Value) bool {
	val := v.Get("value")
	if v.Kind != '{' || val.Kind != '"' {
		return false
	}
	from := v.Get("from").Text
	if from == fromJobFile && r.env || from == fromSweep && r.marked[v.Get("name").Text] {
		val.Text = r.envToken(val.Text)
		return true
	}
	return false
}

// inNames are keys of facts whose values are made of a task's values: the names of
// its files, and what the plan shows of the first task.
var inNames = []string{"path", "file", "first", "inputs", "outputs", "stage_in", "stage_out", "files"}

// named replaces short private values between what are neither letters nor
// digits.
func (r *Redactor) named(s string) string {
	if nixstore.Inside(s) {
		return s
	}
	for _, short := range r.short {
		if !strings.Contains(s, short) {
			continue
		}
		s = replaceBetween(s, short, r.Token(short))
	}
	return s
}

func replaceBetween(s, old, token string) string {
	var b strings.Builder
	for from := 0; ; {
		i := strings.Index(s[from:], old)
		if i < 0 {
			return b.String() + s[from:]
		}
		i += from
		end := i + len(old)
		if i > 0 && alnum(s[i-1]) && alnum(old[0]) || end < len(s) && alnum(s[end]) && alnum(old[len(old)-1]) {
			b.WriteString(s[from : i+1])
			from = i + 1
			continue
		}
		b.WriteString(s[from:i] + token)
		from = end
	}
}

func alnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// longestFirst sorts, so that a value that is a part of another is looked for
// after it.
func longestFirst(list []string) {
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
}

// Path is the redacted form of the name of a file.
func (r *Redactor) Path(name string) string {
	if r == nil {
		return name
	}
	return r.named(r.text(name))
}
