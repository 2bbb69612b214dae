package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/slurm"
)

// constrain takes the best arch for which there are enough nodes, and keeps the
// job to the nodes that can run it.
func constrain(in Input, ch *choice, best []cpuflags.Choice, allowed, want []string, why map[string]string) error {
	archs := allowed
	if archs == nil {
		for i := range in.Classes {
			if in.Classes[i].Known != nil {
				archs = append(archs, best[i].Arch)
			}
		}
		archs = cpuflags.Rank(slices.Compact(slices.Sorted(slices.Values(archs))))
	}
	need := nodesNeeded(in.Spec.Slurm)
	for _, a := range archs {
		var in1, out []cluster.Class
		n := 0
		for _, c := range in.Classes {
			if a == Generic || c.Known != nil && cpuflags.CanRun(c.Known.CPU.Flags, a) {
				in1 = append(in1, c)
				n += len(c.Nodes)
			} else {
				out = append(out, c)
			}
		}
		if n < need {
			ch.notes = append(ch.notes, fmt.Sprintf("%s passed over: %s can run it, the job needs %d", a, plural(n, "node"), need))
			continue
		}
		for i, c := range in.Classes {
			if a == Generic || c.Known != nil && cpuflags.CanRun(c.Known.CPU.Flags, a) {
				want[i] = a
			}
		}
		why[a] = fmt.Sprintf("the best for which there are enough nodes (%d, the job needs %d)", n, need)
		ch.slurm = keepTo(in.Spec.Slurm, in1, out, ch)
		return nil
	}
	if len(archs) == 0 && allowed == nil {
		fill(want, Generic)
		why[Generic] = "nothing is known of the nodes' CPUs"
		return nil
	}
	return &Error{fmt.Sprintf("strategy constrain: no arch of %s runs on the %s that the job needs", strings.Join(archs, ", "), plural(need, "node")),
		"ask for fewer nodes, or use strategy: dispatch"}
}

// nodesNeeded is the smallest number of nodes that the job asks for.
func nodesNeeded(o slurm.Options) int {
	v, ok := o.Get("nodes")
	if !ok {
		return 1
	}
	low, _, _ := strings.Cut(v, "-")
	n, err := strconv.Atoi(low)
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// keepTo adds to the options what keeps the job to the classes in and off the
// classes out: a constraint where active features say exactly that, joined to
// the user's own by &, else --exclude.
func keepTo(o slurm.Options, in, out []cluster.Class, ch *choice) slurm.Options {
	if len(out) == 0 {
		return o
	}
	user, _ := o.Get("constraint")
	// Brackets and counts cannot stand inside parentheses.
	if expr := featureExpr(in, out); expr != "" && !strings.ContainsAny(user, "[]*") {
		if user != "" {
			if strings.ContainsAny(user, "|") {
				user = "(" + user + ")"
			}
			expr = user + "&" + expr
		}
		ch.notes = append(ch.notes, "--constraint="+expr+" keeps the job to the nodes that can run its build")
		return o.Set("constraint", expr)
	}
	var names []string
	for _, c := range out {
		names = append(names, c.Nodes...)
	}
	own, _ := o.Get("exclude")
	if mine, err := slurm.ExpandHosts(own); err == nil {
		names = append(mine, names...)
	}
	slices.Sort(names)
	list := slurm.CompressHosts(slices.Compact(names))
	ch.notes = append(ch.notes, "--exclude="+list+" keeps the job to the nodes that can run its build: no active feature tells them apart")
	return o.Set("exclude", list)
}

// featureExpr is a constraint that holds for every class in and none out: one
// feature, or the fewest joined by |. "" if there is none. Only features that
// are active everywhere they are available are asked for: others can reboot a
// node.
func featureExpr(in, out []cluster.Class) string {
	usable := map[string]bool{}
	for _, c := range in {
		for _, f := range c.Active {
			usable[f] = true
		}
	}
	for _, c := range slices.Concat(in, out) {
		for _, f := range c.Features {
			if usable[f] && !slices.Contains(c.Active, f) {
				delete(usable, f)
			}
		}
	}
	for _, c := range out {
		for _, f := range c.Active {
			delete(usable, f)
		}
	}
	left := slices.Clone(in)
	var parts []string
	for len(left) > 0 {
		// The feature that covers most of what is left; the first by name of equals.
		pick, most := "", 0
		for _, f := range sortedKeys(usable) {
			n := 0
			for _, c := range left {
				if slices.Contains(c.Active, f) {
					n += len(c.Nodes)
				}
			}
			if n > most {
				pick, most = f, n
			}
		}
		if pick == "" {
			return ""
		}
		parts = append(parts, pick)
		left = slices.DeleteFunc(left, func(c cluster.Class) bool { return slices.Contains(c.Active, pick) })
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, "|") + ")"
}
