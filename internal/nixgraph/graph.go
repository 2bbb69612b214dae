// Package nixgraph reads what derivations are made from, and compares it.
//
// It promises that a graph is whole or an error, that no process is started, and
// that nothing is asked but the .drv files in the store.
package nixgraph

import (
	"fmt"
	"sort"
	"strings"
	"sync"

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

// Reader reads graphs, and each derivation once for all of them.
type Reader struct {
	mu    sync.Mutex
	nodes map[string]Node
}

// Graph reads the derivations below drv from the store.
func (r *Reader) Graph(drv string) (*Graph, error) {
	g := &Graph{Root: drv, Nodes: map[string]Node{}}
	for todo := []string{drv}; len(todo) > 0; {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, seen := g.Nodes[path]; seen {
			continue
		}
		node, err := r.node(path)
		if err != nil {
			return nil, err
		}
		g.Nodes[path] = node
		for in := range node.Inputs {
			todo = append(todo, in)
		}
	}
	return g, nil
}

// node is readNode, remembered: a derivation never changes.
func (r *Reader) node(path string) (Node, error) {
	r.mu.Lock()
	node, ok := r.nodes[path]
	r.mu.Unlock()
	if ok {
		return node, nil
	}
	node, err := readNode(path)
	if err == nil {
		r.mu.Lock()
		if r.nodes == nil {
			r.nodes = map[string]Node{}
		}
		r.nodes[path] = node
		r.mu.Unlock()
	}
	return node, err
}

func readNode(path string) (Node, error) {
	d, err := ReadDerivation(path)
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

// ReadDerivation reads one .drv file. One whose outputs have no path before they
// are built is an error.
func ReadDerivation(path string) (d nixstore.Derivation, err error) {
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
