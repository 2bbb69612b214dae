package slurm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

// Node is a compute node as sinfo describes it.
type Node struct {
	Name       string
	Partitions []string // sorted
	State      string   // lower case without marks: idle, mixed, allocated, drained, down …
	Marks      string   // what follows the state: "*" not answering, "~" powered off, "+" … (sinfo(1), NODE STATE CODES)
	Features   []string // available
	Active     []string // available and active now
	Sockets    int
	Cores      int // of a socket
	Threads    int // of a core
	CPUs       int
	MemoryMiB  int64
}

// Usable reports whether jobs may start on the node, now or when others end:
// it is neither down, drained nor failing, and it answers.
func (n Node) Usable() bool {
	switch n.State {
	case "down", "drained", "draining", "drain", "fail", "failing", "inval", "unknown", "future", "powered_down", "powering_down", "perfctrs", "blocked":
		return false
	}
	return !strings.Contains(n.Marks, "*")
}

// Taken is how much of a node that is up other jobs have: 0 for nothing (idle), 1
// for a part (mixed), 2 for all (allocated), 3 where the state does not tell.
func (n Node) Taken() int {
	if i := slices.Index([]string{"idle", "mixed", "allocated"}, n.State); i >= 0 {
		return i
	}
	return 3
}

// Partition is a queue.
type Partition struct {
	Name      string
	Default   bool
	State     string        // up, down, drain, inactive
	TimeLimit time.Duration // Unlimited, or 0 when sinfo does not tell
	Nodes     []string      // in sinfo's order
}

// Nodes asks sinfo for all nodes that this user may see, sorted by name.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	nodes, _, err := c.Inventory(ctx)
	return nodes, err
}

// Inventory asks sinfo once for all nodes, as Nodes does, and for the name of
// the default partition ("" where the site has none).
func (c *Client) Inventory(ctx context.Context) (nodes []Node, defaultPartition string, err error) {
	res, err := c.run(ctx, Command{Name: "sinfo", Args: []string{"--Node", "--noheader",
		"--format=" + recordFormat("%N", "%R", "%T", "%X", "%Y", "%Z", "%c", "%m", "%f", "%b", "%P")}}, true)
	if err != nil {
		return nil, "", fmt.Errorf("nodes: %w", err)
	}
	nodes, defaultPartition = parseNodes(string(res.Stdout))
	return nodes, defaultPartition, nil
}

// stateMarks are the characters that sinfo appends to a state.
const stateMarks = "*~#!%$@^-+"

func parseNodes(out string) (nodes []Node, defaultPartition string) {
	index := map[string]int{}
	lists := map[string][]string{} // one split for a text that thousands of nodes share
	split := func(s string) []string {
		l, ok := lists[s]
		if !ok {
			l = list(s)
			lists[s] = l
		}
		return l
	}
	records(out, 11, func(f []string) {
		i, seen := index[f[0]]
		if !seen {
			state := strings.TrimRight(f[2], stateMarks)
			i = len(nodes)
			index[f[0]] = i
			nodes = append(nodes, Node{Name: f[0], State: strings.ToLower(state), Marks: f[2][len(state):],
				Sockets: atoi(f[3]), Cores: atoi(f[4]), Threads: atoi(f[5]), CPUs: atoi(f[6]), MemoryMiB: atoi64(f[7]),
				Features: split(f[8]), Active: split(f[9])})
		}
		if !slices.Contains(nodes[i].Partitions, f[1]) {
			nodes[i].Partitions = append(nodes[i].Partitions, f[1])
		}
		// %P marks the default with a star, which %R does not have.
		if f[10] == f[1]+"*" {
			defaultPartition = f[1]
		}
	})
	for i := range nodes {
		slices.Sort(nodes[i].Partitions)
	}
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes, defaultPartition
}

// Partitions asks sinfo for the partitions that this user may see, in its
// order.
func (c *Client) Partitions(ctx context.Context) ([]Partition, error) {
	res, err := c.run(ctx, Command{Name: "sinfo", Args: []string{"--noheader",
		"--format=" + recordFormat("%R", "%P", "%a", "%l", "%N")}}, true)
	if err != nil {
		return nil, fmt.Errorf("partitions: %w", err)
	}
	return parsePartitions(string(res.Stdout))
}

func parsePartitions(out string) (parts []Partition, err error) {
	index := map[string]int{}
	records(out, 5, func(f []string) {
		i, seen := index[f[0]]
		if !seen {
			i = len(parts)
			index[f[0]] = i
			parts = append(parts, Partition{Name: f[0], Default: strings.HasSuffix(f[1], "*") && f[1] != f[0],
				State: f[2], TimeLimit: limit(f[3])})
		}
		names, e := hostlist.Expand(text(f[4]))
		if e != nil && err == nil {
			err = fmt.Errorf("partition %s: %w", f[0], e)
		}
		parts[i].Nodes = append(parts[i].Nodes, names...)
	})
	return parts, err
}
