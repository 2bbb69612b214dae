package private

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/strictyaml"
)

// jobFile is a job file with tokens for the values of env: and for those that it
// calls private, and without the comments in these blocks: they may be values
// that were tried before. A file in which a block cannot be told from the rest
// is left out as a whole.
func (r *Redactor) jobFile(data []byte) []byte {
	root, ok := strictyaml.RootMapping(data)
	if ok {
		if want, good := r.hidden(root); good {
			if len(want) == 0 {
				return data
			}
			if out := cutBlocks(data, root, want); isCut(out, root, want) {
				return out
			}
		}
	}
	return []byte("# This job file is left out: private values cannot be told from the rest of it.\n# It is " + r.Token(string(data)) + "\n")
}

// hidden is what is to stand in the blocks that are written anew, by their place
// among the keys of the root.
func (r *Redactor) hidden(root *strictyaml.Node) (want map[int]*strictyaml.Node, ok bool) {
	want = map[int]*strictyaml.Node{}
	seen := map[string]bool{}
	for i, p := range root.Keys {
		name, empty := p.Key.Value, len(p.Value.Keys)+len(p.Value.Items) == 0
		if name != "env" && (name != "sweep" || len(r.marked) == 0) || empty {
			continue
		}
		if seen[name] || p.Value.Kind != strictyaml.Mapping {
			return nil, false
		}
		seen[name] = true
		want[i] = r.hideNode(p.Value, name == "env")
	}
	return want, true
}

// hideNode is a node with tokens for all of its values, or for those below the
// names that are private.
func (r *Redactor) hideNode(n *strictyaml.Node, all bool) *strictyaml.Node {
	out := &strictyaml.Node{Kind: n.Kind, Value: n.Value}
	if all && n.Single() {
		out.Value = r.envToken(n.Value)
	}
	for _, item := range n.Items {
		out.Items = append(out.Items, r.hideNode(item, all))
	}
	for _, p := range n.Keys {
		key := &strictyaml.Node{Kind: p.Key.Kind, Value: p.Key.Value}
		out.Keys = append(out.Keys, strictyaml.Pair{Key: key, Value: r.hideNode(p.Value, all || r.marked[p.Key.Value])})
	}
	return out
}

// cutBlocks writes the lines of the blocks anew; nil if they cannot be found.
func cutBlocks(data []byte, root *strictyaml.Node, want map[int]*strictyaml.Node) []byte {
	lines := bytes.SplitAfter(data, []byte("\n"))
	var out bytes.Buffer
	done := 0 // lines
	for i, p := range root.Keys {
		node, ok := want[i]
		if !ok {
			continue
		}
		begin, end := p.Key.Pos.Line, len(lines)+1
		if i+1 < len(root.Keys) {
			end = root.Keys[i+1].Key.Pos.Line
		}
		if begin > len(lines) || end > len(lines)+1 || end <= begin || begin-1 < done {
			return nil
		}
		out.Write(bytes.Join(lines[done:begin-1], nil))
		indent := strings.Repeat(" ", p.Key.Pos.Column-1)
		fmt.Fprintf(&out, "%s%s:\n", indent, p.Key.Value)
		for _, v := range node.Keys {
			fmt.Fprintf(&out, "%s  %q: %s\n", indent, v.Key.Value, flow(v.Value))
		}
		done = end - 1
	}
	out.Write(bytes.Join(lines[done:], nil))
	return out.Bytes()
}

var numberRE = lazyre.New(`^[1-9][0-9]{0,9}$`)

// flow is a node on one line.
func flow(n *strictyaml.Node) string {
	var parts []string
	switch n.Kind {
	case strictyaml.List:
		for _, item := range n.Items {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case strictyaml.Mapping:
		for _, p := range n.Keys {
			parts = append(parts, fmt.Sprintf("%q: %s", p.Key.Value, flow(p.Value)))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	if numberRE.MatchString(n.Value) {
		return n.Value
	}
	return fmt.Sprintf("%q", n.Value)
}

// isCut checks what cutBlocks made: the parser and it may see the ends of lines
// in different places.
func isCut(out []byte, was *strictyaml.Node, want map[int]*strictyaml.Node) bool {
	root, ok := strictyaml.RootMapping(out)
	if !ok || len(root.Keys) != len(was.Keys) {
		return false
	}
	for i, p := range root.Keys {
		if p.Key.Value != was.Keys[i].Key.Value {
			return false
		}
		if node := want[i]; node != nil && !same(p.Value, node) {
			return false
		}
	}
	return true
}

// same reports whether two nodes say the same.
func same(a, b *strictyaml.Node) bool {
	if a.Kind != b.Kind || a.Value != b.Value || len(a.Items) != len(b.Items) || len(a.Keys) != len(b.Keys) {
		return false
	}
	for i := range a.Items {
		if !same(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for i := range a.Keys {
		if a.Keys[i].Key.Value != b.Keys[i].Key.Value || !same(a.Keys[i].Value, b.Keys[i].Value) {
			return false
		}
	}
	return true
}
