// Package cluster says what nodes there are: which of them a job may land on,
// which of them are alike, and what is known of their CPUs.
//
// It promises that nodes in one class have the same Slurm features, layout and
// memory, and the same CPU as far as that is known; and that what is known of a
// node is dropped when its features change. It never starts a job and never
// asks Slurm by itself: it is given what sinfo said.
package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

// Class is a set of nodes that are alike.
type Class struct {
	Nodes      []string // names, sorted as host lists sort
	Partitions []string
	Features   []string // available
	Active     []string // active: what --constraint can ask for without a reboot
	Sockets    int
	Cores      int // a socket
	Threads    int // a core
	CPUs       int // as Slurm counts them
	MemoryMiB  int64
	Known      *Known // nil: nothing is known of the CPU
}

// Known is what is known of a node's CPU.
type Known struct {
	CPU  cpuflags.CPU
	From string    // "probe", "job", "feature", "admin" or "override"
	Seen time.Time // zero for a feature or an override
	key  string    // the same for CPUs that no build tells apart
}

// Hosts is the class's nodes as a host list.
func (c Class) Hosts() string { return hostlist.Compress(c.Nodes) }

// Layout is sockets × cores × threads.
func (c Class) Layout() string { return fmt.Sprintf("%d×%d×%d", c.Sockets, c.Cores, c.Threads) }

// Classes sorts nodes into classes, in the order of their first node as given.
// A node that was never seen is taken to be like the newest seen one that Slurm
// describes in the same words; where there is none, what the site says of its
// features counts.
func Classes(nodes []slurm.Node, k *Knowledge) []Class {
	shapes := make([]string, len(nodes))
	known := make([]*Known, len(nodes))
	newest := map[string]*Known{}
	for i := range nodes {
		shapes[i] = shape(&nodes[i])
		known[i] = k.seen(nodes[i].Name, nodes[i].Features)
		if n := newest[shapes[i]]; known[i] != nil && (n == nil || known[i].Seen.After(n.Seen)) {
			newest[shapes[i]] = known[i]
		}
	}
	for i := range nodes {
		if known[i] != nil {
			continue
		}
		if newest[shapes[i]] == nil {
			newest[shapes[i]] = k.mapped(nodes[i].Features)
		}
		known[i] = newest[shapes[i]]
	}
	byKey := map[string]int{}
	var out []Class
	for i := range nodes {
		n := &nodes[i]
		key := shapes[i]
		if known[i] != nil {
			key += "\x00" + known[i].key
		}
		at, ok := byKey[key]
		if !ok {
			at = len(out)
			byKey[key] = at
			out = append(out, Class{
				Features: n.Features, Active: n.Active, Sockets: n.Sockets, Cores: n.Cores,
				Threads: n.Threads, CPUs: n.CPUs, MemoryMiB: n.MemoryMiB, Known: known[i],
			})
		}
		out[at].add(n, known[i])
	}
	for i := range out {
		slices.Sort(out[i].Partitions)
	}
	return out
}

func (c *Class) add(n *slurm.Node, known *Known) {
	c.Nodes = append(c.Nodes, n.Name)
	for _, p := range n.Partitions {
		if !slices.Contains(c.Partitions, p) {
			c.Partitions = append(c.Partitions, p)
		}
	}
	if known != nil && known.Seen.After(c.Known.Seen) {
		c.Known = known
	}
}

// shape is what Slurm says of a node but for its name and state.
func shape(n *slurm.Node) string {
	var b strings.Builder
	b.Grow(256)
	for _, f := range [][]string{n.Features, n.Active} {
		for _, w := range f {
			b.WriteString(w)
			b.WriteByte(',')
		}
		b.WriteByte('|')
	}
	for _, v := range []int{n.Sockets, n.Cores, n.Threads, n.CPUs, int(n.MemoryMiB)} {
		b.WriteString(strconv.Itoa(v))
		b.WriteByte('|')
	}
	return b.String()
}
