package jobspec

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Pos is a place in a job file. Both count from 1; a column is a character, not
// a byte.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Problem is one thing that is wrong with a job file.
type Problem struct {
	File string `json:"file"`
	Pos
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // the way out, or ""
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Hint != "" {
		s += "\n  hint: " + p.Hint
	}
	return s
}

// Problems are all the things that are wrong with a job file, sorted by
// position. It is an error: one line each, its hint on a line of its own.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds what one file can make a terminal print.
const maxProblems = 100

// sorted returns the problems in the order of the file, each once, the first
// hundred of them.
func (d *decoder) sorted() Problems {
	ps := d.problems
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	ps = slices.Compact(ps)
	if more := len(ps) - maxProblems; more > 0 {
		ps = append(ps[:maxProblems:maxProblems], Problem{File: d.file, Pos: ps[maxProblems].Pos,
			Message: fmt.Sprintf("and %d more problems from here on", more)})
	}
	return Problems(ps)
}

// add notes a problem.
func (d *decoder) add(at Pos, hint, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.file, Pos: at,
		Message: oneLine(fmt.Sprintf(format, args...)), Hint: oneLine(hint)})
}

// oneLine makes text that may hold words of the file fit for a terminal:
// nothing in it moves the cursor or begins a line, and it ends.
func oneLine(s string) string {
	const most = 500
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			b.WriteRune('…')
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// shown quotes what a file says for a message: on one line, printable, and not
// longer than a reader needs to find it.
func shown(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

var plainText = regexp.MustCompile(`^[A-Za-z_./][A-Za-z0-9_./+-]*$`)

// written is a text as one would write it in YAML.
func written(s string) string {
	if plainText.MatchString(s) {
		return s
	}
	return shown(s)
}
