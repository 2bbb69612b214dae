package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// machine is the architecture of a Nix system: "x86_64" of "x86_64-linux".
func machine(system string) string {
	m, _, _ := strings.Cut(system, "-")
	return m
}

// keepHome sets apart the nodes of another architecture than this machine's,
// for which nothing can be built here, not even the generic build. The job is
// kept off them; where that leaves too little, there is no plan.
func (ch *choice) keepHome() error {
	home := machine(ch.in.System)
	var away []*spot
	kinds := map[string]bool{}
	for _, s := range ch.all {
		if s.Known == nil || s.Known.CPU.Arch == home {
			ch.spots = append(ch.spots, s)
			continue
		}
		s.out = fmt.Sprintf("%s: this machine builds for %s only, so the job is kept off these nodes", s.Known.CPU.Arch, ch.in.System)
		away, kinds[s.Known.CPU.Arch] = append(away, s), true
	}
	if len(away) == 0 {
		return nil
	}
	what := fmt.Sprintf("%s %s %s, and this machine builds for %s only",
		hosts(away), map[bool]string{true: "is", false: "are"}[count(away) == 1], strings.Join(sortedKeys(kinds), " and "), ch.in.System)
	if len(ch.spots) == 0 {
		return fault.New(what+": nothing that it builds runs there", "choose another partition, or submit from a machine of their kind")
	}
	listed := listed(ch.opts)
	if slices.ContainsFunc(away, func(s *spot) bool { return listed.any(s.Nodes) }) {
		return fault.New("slurm.nodelist: "+what, "leave these nodes out of the list")
	}
	if need, have := ch.asked.LeastNodes(), count(ch.spots); need > have {
		return fault.New(fmt.Sprintf("the job needs %s, and %s can run what is built: %s", text.Plural(need, "node"), onlyNodes(have), what),
			"ask for fewer nodes, or choose another partition")
	}
	var note string
	ch.opts, note = exclude(ch.opts, away)
	ch.note("%s: %s", note, what)
	return nil
}

func onlyNodes(n int) string { return "only " + text.Plural(n, "node") }

// nodeSet is node names; nil is the empty set.
type nodeSet map[string]bool

// listed is the nodes that the job has to have: those of --nodelist.
func listed(o sbatch.Options) nodeSet {
	v, _ := o.Get("nodelist")
	names, err := hostlist.Expand(v)
	if err != nil || len(names) == 0 {
		return nil
	}
	set := nodeSet{}
	for _, n := range names {
		set[n] = true
	}
	return set
}

func (s nodeSet) any(names []string) bool {
	return len(s) > 0 && slices.ContainsFunc(names, func(n string) bool { return s[n] })
}
