package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	Pos
	Message string
	Hint    string // the way out, or ""
}

// MaxProblems bounds what one file can make a terminal print.
const MaxProblems = 100

// Problems returns what is wrong in the order of the file, each once, the first
// hundred of it.
func (d *Reader) Problems() []Problem {
	ps := slices.Clone(d.problems)
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	ps = slices.Compact(ps)
	if more := len(ps) - MaxProblems; more > 0 {
		ps = append(ps[:MaxProblems:MaxProblems], Problem{Pos: ps[MaxProblems].Pos,
			Message: fmt.Sprintf("and %d more problems from here on", more)})
	}
	return ps
}

// Count is how many problems were added until now.
func (d *Reader) Count() int { return len(d.problems) }

// Add notes a problem.
func (d *Reader) Add(at Pos, hint, format string, args ...any) {
	d.problems = append(d.problems, Problem{Pos: at, Message: oneLine(fmt.Sprintf(format, args...)), Hint: oneLine(hint)})
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

// Shown quotes what a file says for a message: on one line, printable, and not
// longer than a reader needs to find it.
func Shown(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

var plainText = lazyre.New(`^[A-Za-z_./][A-Za-z0-9_./+-]*$`)

// Written is a text as one would write it in YAML.
func Written(s string) string {
	if plainText.MatchString(s) {
		return s
	}
	return Shown(s)
}
