package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/slurm"
)

// Request is what decides where a job may land.
type Request struct {
	Partition  string // one or several, separated by commas; "" is the default
	Constraint string
	Nodelist   string
	Exclude    string
}

// RequestOf takes the request out of a job's Slurm options.
func RequestOf(o slurm.Options) Request {
	get := func(name string) string { v, _ := o.Get(name); return v }
	return Request{get("partition"), get("constraint"), get("nodelist"), get("exclude")}
}

// NoNodesError says that no node can take the job, and which part of the
// request rules them out.
type NoNodesError struct{ Message, Way string }

func (e *NoNodesError) Error() string { return e.Message }

// Hint is the way out.
func (e *NoNodesError) Hint() string { return e.Way }

// Eligible is the nodes that a request admits, whatever their state: a node
// that is down now may be back when the job's turn comes. defaultPartition is
// used when the request names none.
func Eligible(nodes []slurm.Node, r Request, defaultPartition string) ([]slurm.Node, error) {
	part := r.Partition
	if part == "" {
		part = defaultPartition
	}
	parts := strings.Split(part, ",")
	var out []slurm.Node
	seen := map[string]bool{}
	for _, n := range nodes {
		for _, p := range n.Partitions {
			seen[p] = true
			if slices.Contains(parts, p) {
				out = append(out, n)
				break
			}
		}
	}
	if part != "" && len(out) == 0 {
		names := make([]string, 0, len(seen))
		for p := range seen {
			names = append(names, p)
		}
		slices.Sort(names)
		return nil, &NoNodesError{fmt.Sprintf("partition %q has no nodes here", part), "partitions with nodes: " + strings.Join(names, ", ")}
	}
	steps := []struct {
		name, value string
		keep        func(slurm.Node) (bool, error)
	}{
		{"constraint", r.Constraint, func(n slurm.Node) (bool, error) { return matches(r.Constraint, n.Features) }},
		{"nodelist", r.Nodelist, inList(r.Nodelist)},
		{"exclude", r.Exclude, not(inList(r.Exclude))},
	}
	for _, s := range steps {
		if s.value == "" {
			continue
		}
		var kept []slurm.Node
		for _, n := range out {
			ok, err := s.keep(n)
			if err != nil {
				return nil, &NoNodesError{fmt.Sprintf("slurm.%s: %v", s.name, err), ""}
			}
			if ok {
				kept = append(kept, n)
			}
		}
		if len(kept) == 0 {
			return nil, &NoNodesError{fmt.Sprintf("%s %q leaves no node of the %d in question", s.name, s.value, len(out)),
				"nixbatch nodes lists the nodes and their features"}
		}
		out = kept
	}
	return out, nil
}

// inList keeps the nodes named in a host list. A nodelist may name fewer nodes
// than the job takes, so that Slurm adds others; those are not known before.
func inList(list string) func(slurm.Node) (bool, error) {
	names, err := slurm.ExpandHosts(list)
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return func(n slurm.Node) (bool, error) { return set[n.Name], err }
}

func not(f func(slurm.Node) (bool, error)) func(slurm.Node) (bool, error) {
	return func(n slurm.Node) (bool, error) { ok, err := f(n); return !ok, err }
}
