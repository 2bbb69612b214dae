package nix

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/nixlog"
	"github.com/nixbatch/nixbatch/internal/nixstore"
)

// Graph is every derivation that a derivation is made from, itself included.
type Graph struct {
	Root  string          // store path of its .drv
	Nodes map[string]Node // by store path of the .drv
}

// Node is one derivation.
type Node struct {
	Drv     string
	Name    string
	Outputs map[string]string   // output name → store path
	Inputs  map[string][]string // .drv → names of its outputs that are used
	Fixed   bool                // its output is fixed by a hash: a download, mostly
}

// Graph reads the derivations below drv from the store, with no process, and
// each of them once for all graphs that have it.
func (n *Nix) Graph(drv string) (*Graph, error) {
	g := &Graph{Root: drv, Nodes: map[string]Node{}}
	for todo := []string{drv}; len(todo) > 0; {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, seen := g.Nodes[path]; seen {
			continue
		}
		node, err := n.node(path)
		if err != nil {
			return nil, &Error{Phase: "query", Message: err.Error(), Err: err, Way: "was it collected as garbage? evaluating again brings it back"}
		}
		g.Nodes[path] = node
		for in := range node.Inputs {
			todo = append(todo, in)
		}
	}
	return g, nil
}

// node is readNode, remembered: a derivation never changes.
func (n *Nix) node(path string) (Node, error) {
	n.mu.Lock()
	node, ok := n.nodes[path]
	n.mu.Unlock()
	if ok {
		return node, nil
	}
	node, err := readNode(path)
	if err == nil {
		n.mu.Lock()
		if n.nodes == nil {
			n.nodes = map[string]Node{}
		}
		n.nodes[path] = node
		n.mu.Unlock()
	}
	return node, err
}

func readNode(path string) (Node, error) {
	d, err := readDrv(path)
	if err != nil {
		return Node{}, err
	}
	node := Node{Drv: path, Name: nixlog.DrvName(path), Outputs: map[string]string{}, Inputs: d.Inputs}
	for name, o := range d.Outputs {
		node.Outputs[name] = o.Path
		node.Fixed = node.Fixed || o.Fixed
	}
	return node, nil
}

// Change is what one derivation's graph has beyond another's.
type Change struct {
	Total int      `json:"total"` // derivations below the first
	Names []string `json:"names"` // of those below the first that the second does not have, sorted
}

// Changed compares the graphs of two derivations; the two themselves do not
// count. The answer is remembered: their names decide it.
func (n *Nix) Changed(drv, other string) (c Change, err error) {
	sum := sha256.Sum256([]byte("changed\n" + drv + "\n" + other))
	key := hex.EncodeToString(sum[:16])
	if n.recall(key, &c) {
		return c, nil
	}
	a, err := n.Graph(drv)
	if err != nil {
		return c, err
	}
	b, err := n.Graph(other)
	if err != nil {
		return c, err
	}
	c = Change{Total: len(a.Nodes) - 1}
	for _, node := range a.Diff(b) {
		if node.Drv != a.Root {
			c.Names = append(c.Names, node.Name)
		}
	}
	return c, n.remember(key, c)
}

// Diff are the derivations of g that other does not have, sorted by name: what
// would have to be built for g beyond other.
func (g *Graph) Diff(other *Graph) []Node {
	var out []Node
	for path, node := range g.Nodes {
		if _, ok := other.Nodes[path]; !ok {
			out = append(out, node)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Name != out[j].Name {
			return out[i].Name < out[j].Name
		}
		return out[i].Drv < out[j].Drv
	})
	return out
}

func readDrv(path string) (d nixstore.Derivation, err error) {
	if !nixstore.IsPath(path) || !strings.HasSuffix(path, ".drv") {
		return d, fmt.Errorf("derivation %q is no store path of a .drv", path)
	}
	data, err := durable.ReadFile(path)
	if err != nil {
		return d, fmt.Errorf("derivation: %w", err)
	}
	d, err = nixstore.ParseDerivation(string(data))
	if err != nil {
		return d, fmt.Errorf("derivation %s: %w", path, err)
	}
	for name, o := range d.Outputs {
		if o.Path == "" {
			return d, fmt.Errorf("derivation %s: output %s has no path before it is built (a content-addressed derivation)", path, name)
		}
	}
	return d, nil
}
