package nix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

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

// Reach says what an environment's names of packages come to: see nixgraph.Reach. It
// is remembered, but for All, and where a name reaches nothing.
func (n *Nix) Reach(ctx context.Context, ex Expr) (r nixgraph.Reach, err error) {
	sum := sha256.Sum256([]byte("reach\n" + ex.Hash))
	key := hex.EncodeToString(sum[:16])
	if n.recall(key, &r) {
		return r, nil
	}
	d, err := n.Instantiate(ctx, ex)
	if err != nil {
		return r, err
	}
	g, err := n.Graph(d.Drv)
	if err != nil {
		return r, err
	}
	if r, err = g.Reach(); err != nil {
		return r, &Error{Phase: "query", Message: err.Error(), Err: err}
	}
	if slices.ContainsFunc(r.Names, func(n nixgraph.Named) bool { return len(n.Reaches) == 0 }) {
		return r, nil // it will be refused
	}
	return r, n.remember(key, r)
}

// Change is what one derivation's graph has beyond another's.
type Change struct {
	Total int              `json:"total"` // derivations below the first
	Names []string         `json:"names"` // of those below the first that the second does not have, sorted
	Twice []nixgraph.Twice `json:"twice"` // what the first has in its own form and in the second's
}

// Changed compares the graphs of two derivations; the two themselves do not
// count. The answer is remembered: their names decide it.
func (n *Nix) Changed(drv, other string) (c Change, err error) {
	sum := sha256.Sum256([]byte("changed and twice\n" + drv + "\n" + other))
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
	c.Twice = a.Twice(b)
	return c, n.remember(key, c)
}
