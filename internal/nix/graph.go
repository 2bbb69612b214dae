package nix

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/nixbatch/nixbatch/internal/nixgraph"
)

// Graph reads the derivations below drv from the store, with no process.
func (n *Nix) Graph(drv string) (*nixgraph.Graph, error) {
	g, err := n.graphs.Graph(drv)
	if err != nil {
		return nil, &Error{Phase: "query", Message: err.Error(), Err: err, Way: "was it collected as garbage? evaluating again brings it back"}
	}
	return g, nil
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
