package jobspec

import (
	"slices"
	"strings"
)

// decoder walks the nodes of one file and gathers what is wrong. Its methods
// return a usable value, or false after having added a problem; a node that is
// broken was reported before, and is passed over.
type decoder struct {
	file     string
	what     string // what people call such a file; "" is a job file
	problems []Problem
}

// dot names a key within a block.
func dot(where, name string) string {
	if where == "" {
		return name
	}
	return where + "." + name
}

// block reads a map whose keys are known. instead has hints for keys that
// people write although there is no such key.
func (d *decoder) block(where string, n *node, fields block, instead map[string]string) (map[string]pair, bool) {
	if !d.isMapping(where, n) {
		return nil, false
	}
	got := map[string]pair{}
	meant := map[string]bool{} // what an unknown key was meant to be
	for _, p := range n.keys {
		if slices.Contains(fields.names(), p.key.value) {
			got[p.key.value] = p
			continue
		}
		hint, ok := instead[p.key.value]
		if !ok {
			word := ""
			if !d.swamped() {
				word = Nearest(p.key.value, fields.names())
			}
			meant[word] = true
			if word != "" {
				hint = "did you mean " + word + "?"
			}
		}
		if hint == "" {
			hint = "known keys: " + strings.Join(fields.names(), ", ")
		}
		d.add(p.key.pos, hint, "unknown key %s%s", shown(p.key.value), in(where))
	}
	for _, f := range fields {
		if _, ok := got[f.name]; f.required && !ok && !meant[f.name] {
			d.add(n.pos, f.meaning, "%s is missing", dot(where, f.name))
		}
	}
	return got, true
}

func (d *decoder) kind() string {
	if d.what == "" {
		return "job file"
	}
	return d.what
}

// swamped tells whether there are far more problems than will be shown, so
// that suggestions are not worth their time.
func (d *decoder) swamped() bool { return len(d.problems) > 10*maxProblems }

func in(where string) string {
	if where == "" {
		return ""
	}
	return " in " + where
}

func (n *node) hasKey(name string) bool {
	return slices.ContainsFunc(n.keys, func(p pair) bool { return p.key.value == name })
}

// expected reports a value of the wrong type.
func (d *decoder) expected(where, what string, n *node, hint string) {
	if n.kind == broken {
		return
	}
	if where == "" {
		where = "the " + d.kind()
	}
	d.add(n.pos, hint, "%s: expected %s, found %s", where, what, n.describe())
}

func (d *decoder) isMapping(where string, n *node) bool {
	if n.kind == mapping {
		return true
	}
	hint := ""
	if n.kind == nothing {
		hint = "write something below it, or remove it"
	}
	d.expected(where, "a map of names and values", n, hint)
	return false
}

// text reads a single value as it is written; what it should be is told by
// want. Empty text is refused.
func (d *decoder) text(where string, n *node, want string) (string, bool) {
	s, ok := d.anyText(where, n, want)
	if ok && s == "" {
		d.add(n.pos, "", "%s: expected %s, found empty text", where, want)
		return "", false
	}
	return s, ok
}

// anyText is text that may be empty, if that is said by quotes.
func (d *decoder) anyText(where string, n *node, want string) (string, bool) {
	if !n.single() || n.kind == nothing {
		d.expected(where, want, n, "")
		return "", false
	}
	return n.value, d.zeroFree(where, n)
}

func (d *decoder) zeroFree(where string, n *node) bool {
	if !n.leadingZero() {
		return true
	}
	d.add(n.pos, "put it between quotes to keep the zero, or drop the zero",
		"%s: %s can be read as octal, as decimal or as text", where, n.value)
	return false
}

// choice reads one of a few words.
func (d *decoder) choice(where string, n *node, words []string) (string, bool) {
	want := "one of " + strings.Join(words, ", ")
	s, ok := d.text(where, n, want)
	if !ok {
		return "", false
	}
	if !slices.Contains(words, s) {
		d.add(n.pos, didYouMean(s, words), "%s: expected %s, found %s", where, want, shown(s))
		return "", false
	}
	return s, true
}

// texts reads a list of single values. each checks one of them and says what
// is wrong with it ("" if nothing is). Two that are equal are a problem.
func (d *decoder) texts(where, want string, n *node, each func(s string) (problem, hint string)) []string {
	if n.kind != list {
		hint := ""
		if n.single() && n.value != "" && n.kind != nothing {
			hint = "write [" + written(n.value) + "]"
		}
		d.expected(where, "a list of "+want+"s", n, hint)
		return nil
	}
	var out []string
	seen := map[string]Pos{}
	for _, item := range n.items {
		s, ok := d.text(where, item, article(want))
		if !ok {
			continue
		}
		if problem, hint := each(s); problem != "" {
			d.add(item.pos, hint, "%s: %s %s", where, shown(s), problem)
			continue
		}
		if first, twice := seen[s]; twice {
			d.add(item.pos, "remove one of them", "%s: %s is there twice, first at line %d", where, shown(s), first.Line)
			continue
		}
		seen[s] = item.pos
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
