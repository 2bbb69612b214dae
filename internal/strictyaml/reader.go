// Package strictyaml reads YAML files that people write, and says all that is
// wrong with one at once.
//
// It promises that each problem has its line and column, in words that a person
// who does not program understands; that values are kept as they are written
// (1:30:00, 1.10); and that what readers of YAML disagree on (010, yes, aliases,
// tags, merge keys, duplicate keys, a second document) is refused and never
// guessed. It is the one package that knows which library reads YAML.
//
// It never reads a file by itself, and never expands an alias.
package strictyaml

import (
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/suggest"
)

// Reader reads one text and gathers what is wrong with it. Its methods return a
// usable value, or false after having added a problem; a node that is broken was
// reported before, and is passed over.
type Reader struct {
	What string // what people call such a file: "job file"
	// IfEmpty is the hint for a file without content; "" says that it is fine.
	IfEmpty string
	// IfSecond is the hint for a second document.
	IfSecond string
	// MaxSize is the most bytes such a file may have, and TooLarge the hint.
	MaxSize  int
	TooLarge string

	problems []Problem
}

// Field is a key that a map may have.
type Field struct {
	Name     string
	Required bool
	Doc      string // what it is: the hint where a required one is missing
}

// Dot names a key within a block.
func Dot(where, name string) string {
	if where == "" {
		return name
	}
	return where + "." + name
}

// Block reads a map whose keys are known. instead has hints for keys that
// people write although there is no such key.
func (d *Reader) Block(where string, n *Node, fields []Field, instead map[string]string) (map[string]Pair, bool) {
	if !d.IsMapping(where, n) {
		return nil, false
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	got := map[string]Pair{}
	meant := map[string]bool{} // what an unknown key was meant to be
	for _, p := range n.Keys {
		if slices.Contains(names, p.Key.Value) {
			got[p.Key.Value] = p
			continue
		}
		hint, ok := instead[p.Key.Value]
		if !ok {
			word := ""
			if !d.Swamped() {
				word = suggest.Nearest(p.Key.Value, names)
			}
			meant[word] = true
			if word != "" {
				hint = "did you mean " + word + "?"
			}
		}
		if hint == "" {
			hint = "known keys: " + strings.Join(names, ", ")
		}
		d.Add(p.Key.Pos, hint, "unknown key %s%s", Shown(p.Key.Value), in(where))
	}
	for _, f := range fields {
		if _, ok := got[f.Name]; f.Required && !ok && !meant[f.Name] {
			d.Add(n.Pos, f.Doc, "%s is missing", Dot(where, f.Name))
		}
	}
	return got, true
}

// Swamped tells whether there are far more problems than will be shown, so
// that suggestions are not worth their time.
func (d *Reader) Swamped() bool { return len(d.problems) > 10*MaxProblems }

func in(where string) string {
	if where == "" {
		return ""
	}
	return " in " + where
}

// Expected reports a value of the wrong type.
func (d *Reader) Expected(where, what string, n *Node, hint string) {
	if n.Kind == Broken {
		return
	}
	if where == "" {
		where = "the " + d.What
	}
	d.Add(n.Pos, hint, "%s: expected %s, found %s", where, what, n.Describe())
}

// IsMapping reports a node that is no mapping.
func (d *Reader) IsMapping(where string, n *Node) bool {
	if n.Kind == Mapping {
		return true
	}
	hint := ""
	if n.Kind == Nothing {
		hint = "write something below it, or remove it"
	}
	d.Expected(where, "a map of names and values", n, hint)
	return false
}

// Text reads a single value as it is written; what it should be is told by
// want. Empty text is refused.
func (d *Reader) Text(where string, n *Node, want string) (string, bool) {
	s, ok := d.AnyText(where, n, want)
	if ok && s == "" {
		d.Add(n.Pos, "", "%s: expected %s, found empty text", where, want)
		return "", false
	}
	return s, ok
}

// AnyText is text that may be empty, if that is said by quotes.
func (d *Reader) AnyText(where string, n *Node, want string) (string, bool) {
	if !n.Single() || n.Kind == Nothing {
		d.Expected(where, want, n, "")
		return "", false
	}
	return n.Value, d.ZeroFree(where, n)
}

// ZeroFree reports a number with a zero in front.
func (d *Reader) ZeroFree(where string, n *Node) bool {
	if !n.LeadingZero() {
		return true
	}
	d.Add(n.Pos, "put it between quotes to keep the zero, or drop the zero",
		"%s: %s can be read as octal, as decimal or as text", where, n.Value)
	return false
}

// Choice reads one of a few words.
func (d *Reader) Choice(where string, n *Node, words []string) (string, bool) {
	want := "one of " + strings.Join(words, ", ")
	s, ok := d.Text(where, n, want)
	if !ok {
		return "", false
	}
	if !slices.Contains(words, s) {
		d.Add(n.Pos, suggest.DidYouMean(s, words), "%s: expected %s, found %s", where, want, Shown(s))
		return "", false
	}
	return s, true
}

// Texts reads a list of single values. each checks one of them and says what
// is wrong with it ("" if nothing is). Two that are equal are a problem.
func (d *Reader) Texts(where, want string, n *Node, each func(s string) (problem, hint string)) []string {
	if n.Kind != List {
		hint := ""
		if n.Single() && n.Value != "" && n.Kind != Nothing {
			hint = "write [" + Written(n.Value) + "]"
		}
		d.Expected(where, "a list of "+want+"s", n, hint)
		return nil
	}
	var out []string
	seen := map[string]Pos{}
	for _, item := range n.Items {
		s, ok := d.Text(where, item, article(want))
		if !ok {
			continue
		}
		if problem, hint := each(s); problem != "" {
			d.Add(item.Pos, hint, "%s: %s %s", where, Shown(s), problem)
			continue
		}
		if first, twice := seen[s]; twice {
			d.Add(item.Pos, "remove one of them", "%s: %s is there twice, first at line %d", where, Shown(s), first.Line)
			continue
		}
		seen[s] = item.Pos
		out = append(out, s)
	}
	return out
}

// article puts a or an before a word.
func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}
