package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/constraint"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Place is what decides where a job may land.
type Place struct {
	Partition  string // one or several, separated by commas; "" is the default
	Constraint string
	Nodelist   string
	Exclude    string
	Nodes      int // the least number of nodes
}

// PlaceOf takes the place out of a job's Slurm options.
func PlaceOf(o sbatch.Options) Place {
	get := func(name string) string { v, _ := o.Get(name); return v }
	r, err := resources.FromOptions(o)
	if err != nil {
		r = resources.Request{} // the plan refuses it
	}
	return Place{get("partition"), get("constraint"), get("nodelist"), get("exclude"), r.LeastNodes()}
}

// Eligible is the nodes that a place admits, whatever their state: a node
// that is down now may be back when the job's turn comes. defaultPartition is
// used when it names none. Where no node is left, a *fault.Error says
// which part of it rules them out.
func Eligible(nodes []slurm.Node, r Place, defaultPartition string) ([]slurm.Node, error) {
	part := r.Partition
	if part == "" {
		part = defaultPartition
	}
	parts := strings.Split(part, ",")
	out := make([]slurm.Node, 0, len(nodes))
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
	if len(out) == 0 {
		return nil, noPartition(part, seen)
	}
	steps := []struct {
		name, value string
		keep        func(slurm.Node) (bool, error)
	}{
		{"constraint", r.Constraint, func(n slurm.Node) (bool, error) { return constraint.Match(r.Constraint, n.Features, r.Nodes) }},
		{"nodelist", r.Nodelist, r.listed()},
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
				return nil, fault.New(fmt.Sprintf("slurm.%s: %v", s.name, err), "")
			}
			if ok {
				kept = append(kept, n)
			}
		}
		if len(kept) == 0 {
			return nil, fault.New(fmt.Sprintf("%s %q leaves no node of the %d in question", s.name, s.value, len(out)),
				"nixbatch nodes lists the nodes and their features")
		}
		out = kept
	}
	return out, nil
}

// noPartition says why there is no node to begin with.
func noPartition(part string, seen map[string]bool) error {
	names := make([]string, 0, len(seen))
	for p := range seen {
		names = append(names, p)
	}
	slices.Sort(names)
	way := "partitions with nodes: " + strings.Join(names, ", ")
	switch {
	case len(names) == 0:
		return fault.New("the cluster shows no nodes", "sinfo -N lists those that you may see")
	case part == "":
		return fault.New("no partition is asked for, and the cluster has no default one", way)
	}
	return fault.New(fmt.Sprintf("partition %q has no nodes here", part), way)
}

// listed keeps the nodes of the node list. Slurm adds others where the job
// takes more than the list names, or where counts in the constraint ask for
// more; then any node may take part.
func (r Place) listed() func(slurm.Node) (bool, error) {
	names, err := hostlist.Expand(r.Nodelist)
	if r.Nodes > len(names) || strings.Contains(r.Constraint, "*") {
		return func(slurm.Node) (bool, error) { return true, err }
	}
	return inList(r.Nodelist)
}

// inList keeps the nodes named in a host list.
func inList(list string) func(slurm.Node) (bool, error) {
	names, err := hostlist.Expand(list)
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return func(n slurm.Node) (bool, error) { return set[n.Name], err }
}

func not(f func(slurm.Node) (bool, error)) func(slurm.Node) (bool, error) {
	return func(n slurm.Node) (bool, error) { ok, err := f(n); return !ok, err }
}
