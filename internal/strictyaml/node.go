package strictyaml

import (
	"slices"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// Kind is what a node of the file is.
type Kind int

const (
	Broken  Kind = iota // already reported: whoever meets it says nothing
	Nothing             // an empty value, ~ or null
	Boolean             // plain true or false
	Number              // plain number
	Text                // anything else that is a single value
	List
	Mapping
)

// Pos is a place in a file. Both count from 1; a column is a character, not a
// byte.
type Pos struct{ Line, Column int }

// Node is a value of the file, as it is written.
type Node struct {
	Kind  Kind
	Pos   Pos
	Value string  // of a single value: its text, whatever its kind
	Plain bool    // a single value without quotes
	Items []*Node // of a list
	Keys  []Pair  // of a mapping, in the order of the file
}

// Pair is a key of a mapping with its value.
type Pair struct{ Key, Value *Node }

// Single tells whether the node is one value, not a collection.
func (n *Node) Single() bool {
	return n.Kind == Nothing || n.Kind == Boolean || n.Kind == Number || n.Kind == Text
}

// Describe says what a node is, for "expected …, found …".
func (n *Node) Describe() string {
	switch n.Kind {
	case Nothing:
		return "nothing"
	case Boolean:
		return n.Value
	case Number:
		return "the number " + n.Value
	case Text:
		return "the text " + Shown(n.Value)
	case List:
		return "a list"
	case Mapping:
		return "a map of names and values"
	}
	return "something broken"
}

// A number with a zero in front is octal for YAML 1.1, decimal for YAML 1.2 and
// text for people (an account, a file): nobody can tell which was meant.
func leadingZero(s string) bool {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	return len(s) > 1 && s[0] == '0' && (lazyre.Digit(s[1]) || s[1] == '_')
}

// LeadingZero tells whether the node is a number that begins with a zero.
func (n *Node) LeadingZero() bool {
	return n.Plain && n.Kind == Number && leadingZero(n.Value)
}

// HasKey tells whether a mapping has a key.
func (n *Node) HasKey(name string) bool {
	return slices.ContainsFunc(n.Keys, func(p Pair) bool { return p.Key.Value == name })
}

// Without takes the named keys out of a mapping.
func (n *Node) Without(names []string) (rest *Node, out []Pair) {
	rest = &Node{Kind: n.Kind, Pos: n.Pos}
	for _, p := range n.Keys {
		if slices.Contains(names, p.Key.Value) {
			out = append(out, p)
		} else {
			rest.Keys = append(rest.Keys, p)
		}
	}
	return rest, out
}
