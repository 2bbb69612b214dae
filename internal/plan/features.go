package plan

import (
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// exclude adds the classes' nodes to --exclude.
func exclude(o sbatch.Options, out []*spot) (sbatch.Options, string) {
	var names []string
	for _, s := range out {
		names = append(names, s.Nodes...)
	}
	own, _ := o.Get("exclude")
	if mine, err := hostlist.Expand(own); err == nil {
		names = append(names, mine...)
	}
	list := hostlist.Compress(names)
	return o.Set("exclude", list), "--exclude=" + list
}

// joinConstraint is a constraint for nodes that satisfy both; not ok where
// sbatch has no way to say that. Slurm 22.05 refuses parentheses in
// parentheses, and brackets and counts cannot stand in any.
func joinConstraint(user, ours string) (string, bool) {
	switch {
	case ours == "" || strings.ContainsAny(user, "[]*"):
		return "", false
	case user == "":
		return ours, true
	case !alternatives(user):
		return user + "&" + ours, true
	case strings.ContainsAny(user, "()"):
		return "", false
	}
	return "(" + user + ")&" + ours, true
}

// alternatives reports whether there is a | outside of parentheses.
func alternatives(expr string) bool {
	depth := 0
	for _, r := range expr {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth == 0 {
				return true
			}
		}
	}
	return false
}

// plainFeature is a feature's name that means nothing else in a constraint.
var plainFeature = lazyre.New(`^[A-Za-z0-9_.:/+-]+$`)

// featureExpr is a constraint that holds for every class in and none out: one
// feature, or a few joined by |. "" if there is none. Only features that are
// active wherever they are available, on all the nodes in question, are asked
// for: others can reboot a node.
func featureExpr(in, out, all []*spot) string {
	usable := map[string]bool{}
	for _, s := range in {
		for _, f := range s.Active {
			usable[f] = plainFeature.MatchString(f)
		}
	}
	for _, s := range all {
		for _, f := range s.Features {
			if usable[f] && !slices.Contains(s.Active, f) {
				delete(usable, f)
			}
		}
	}
	for _, s := range out {
		for _, f := range s.Active {
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
			for _, s := range left {
				if usable[f] && slices.Contains(s.Active, f) {
					n += len(s.Nodes)
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
		left = slices.DeleteFunc(left, func(s *spot) bool { return slices.Contains(s.Active, pick) })
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, "|") + ")"
}
