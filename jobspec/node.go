package jobspec

import "regexp"

// kind is what a node of the file is.
type kind int

const (
	broken  kind = iota // already reported: whoever meets it says nothing
	nothing             // an empty value, ~ or null
	boolean             // plain true or false
	number              // plain number
	text                // anything else that is a single value
	list
	mapping
)

// node is a value of the file, as it is written.
type node struct {
	kind  kind
	pos   Pos
	value string // of a single value: its text, whatever its kind
	plain bool   // a single value without quotes
	items []*node
	keys  []pair
}

// pair is a key of a mapping with its value.
type pair struct{ key, value *node }

// single tells whether the node is one value, not a collection.
func (n *node) single() bool {
	return n.kind == nothing || n.kind == boolean || n.kind == number || n.kind == text
}

// describe says what a node is, for "expected …, found …".
func (n *node) describe() string {
	switch n.kind {
	case nothing:
		return "nothing"
	case boolean:
		return n.value
	case number:
		return "the number " + n.value
	case text:
		return "the text " + shown(n.value)
	case list:
		return "a list"
	case mapping:
		return "a map of names and values"
	}
	return "something broken"
}

// A number with a zero in front is octal for YAML 1.1, decimal for YAML 1.2 and
// text for people (an account, a file): nobody can tell which was meant.
var leadingZero = regexp.MustCompile(`^[-+]?0[0-9_]`)

func (n *node) leadingZero() bool {
	return n.plain && n.kind == number && leadingZero.MatchString(n.value)
}
