package locate

import (
	"strings"

	"github.com/nixbatch/nixbatch/internal/strictyaml"
)

// Together checks what the keys of an entry say together: got is those that are
// there, and column, log and header are what three of them say. What is wrong is
// added to d.
func Together(d *strictyaml.Reader, at string, n *strictyaml.Node, got map[string]strictyaml.Pair, column string, log bool, header string) {
	there := func(name string) bool { return got[name].Value != nil }
	table := there("column") && !there("pattern")
	if there("file") == (there("log") && log) {
		d.Add(n.Pos, "file is one of outputs; log: true is what the task prints", "%s: expected one of file and log: true", at)
	}
	if there("json") == (there("pattern") || there("column")) {
		d.Add(n.Pos, "pattern is for text, json for JSON files, column for tables", "%s: expected one of pattern, json and column", at)
		return
	}
	for _, rule := range []struct {
		key        string
		fits       bool
		what, hint string
	}{
		{"unit", there("name"), "names a unit of a number that has no name", "add a name"},
		{"separator", table, "is about tables", "remove it"},
		{"header", table, "is about tables", "remove it"},
		{"section", !there("json"), "is about text and tables", "remove it"},
		{"until", there("section"), "ends a section, and there is none", "add section, or remove it"},
		{"line", !there("json"), "is about text and tables", "remove it"},
		{"log", !log || !there("json"), "is text, and json is for files", "write what it prints to a file, and name that in outputs"},
	} {
		if there(rule.key) && !rule.fits {
			d.Add(got[rule.key].Key.Pos, rule.hint, "%s.%s %s", at, rule.key, rule.what)
		}
	}
	_, counted := Number(column)
	switch {
	case column == "" || counted:
	case !table:
		d.Add(got["column"].Value.Pos, "write the number of the field, from 1", "%s.column: a line that pattern finds has no headings", at)
	case header == "no":
		d.Add(got["header"].Value.Pos, "write the column's number, from 1", "%s.header: the column is named by a heading", at)
	}
}

// Name refuses what is no name of a number, or of its unit, on one line.
func Name(s string) (problem, hint string) {
	switch {
	case strings.TrimSpace(s) != s:
		return "begins or ends with a blank", "remove it"
	case strings.ContainsAny(s, "\r\n\t") || len(s) > 100:
		return "is not on one line of at most 100 characters", "shorten it"
	}
	return "", ""
}
