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
	"github.com/nixbatch/nixbatch/internal/lazyre"
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
	// Names are those by which it was named to be optimised, or what it is a variant
	// of was: environment.nix marks them.
	Names []string
	// Arguments are what it was given beside flags, as JSON; "" for nothing.
	Arguments string
	March     string // what its compiler is given as -march by way of NIX_CFLAGS_COMPILE; the last, "" for none
	Tests     bool   // it runs its tests, as far as its attributes say
}

// The attributes by which environment.nix marks what it optimises, and with which
// arguments.
const (
	marker    = "nixbatchOptimized"
	arguments = "nixbatchArguments"
)

// marchRE finds -march among flags.
var marchRE = lazyre.New(`(?:^|\s)-march=(\S+)`)

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
	node := Node{Drv: path, Name: nixlog.DrvName(path), Outputs: map[string]string{}, Inputs: d.Inputs, Names: strings.Fields(d.Attr(marker)), Arguments: d.Attr(arguments),
		Tests: d.Attr("doCheck") == "1" || d.Attr("doInstallCheck") == "1"}
	for _, flags := range []string{"NIX_CFLAGS_COMPILE_BEFORE", "NIX_CFLAGS_COMPILE"} {
		if all := marchRE.FindAllStringSubmatch(d.Attr(flags), -1); len(all) > 0 {
			node.March = all[len(all)-1][1]
		}
	}
	for name, o := range d.Outputs {
		node.Outputs[name] = o.Path
		node.Fixed = node.Fixed || o.Fixed
	}
	return node, nil
}

// Diff are the derivations of g whose outputs other does not have, sorted by name:
// what would have to be built for g beyond other. A download is one thing, whatever
// it is downloaded with.
func (g *Graph) Diff(other *Graph) []Node {
	theirs := map[string]bool{}
	for _, node := range other.Nodes {
		for _, out := range node.Outputs {
			theirs[out] = true
		}
	}
	var out []Node
	for path, node := range g.Nodes {
		if _, ok := other.Nodes[path]; !ok && !node.within(theirs) {
			out = append(out, node)
		}
	}
	byName(out)
	return out
}

// within reports whether all outputs of a derivation are among some.
func (n Node) within(outs map[string]bool) bool {
	for _, out := range n.Outputs {
		if !outs[out] {
			return false
		}
	}
	return true
}

func byName(out []Node) {
	sort.Slice(out, func(i, j int) bool {
		if out[i].Name != out[j].Name {
			return out[i].Name < out[j].Name
		}
		return out[i].Drv < out[j].Drv
	})
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
