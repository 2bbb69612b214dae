package submit

import (
	"context"
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/internal/tuning"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Reach finds out, for each build of the plan, whom the packages reach that are
// named to be optimised, and what compilers are told by the package set itself, and
// writes it into the plan. It refuses a name that reaches
// nothing, and a build in which more would be made again than the job file allows.
// Nothing is built; what was found out before takes no process.
func (j *Planned) Reach(ctx context.Context) error {
	for i := range j.Plan.Builds {
		b := &j.Plan.Builds[i]
		if b.Recorded {
			continue
		}
		r, err := j.Nix.Reach(ctx, b.Expr)
		if err != nil {
			return err
		}
		if err := j.Plan.Reveal(b, r.March); err != nil {
			return err
		}
		for _, n := range r.Names {
			if len(n.Reaches) == 0 {
				return j.unreached(n, r)
			}
		}
		if limit := j.Spec.Optimize.Limit; len(r.Rebuilt) > limit {
			return overLimit(b.Arch, r, limit)
		}
		j.Plan.Tell(b, r)
	}
	return nil
}

// unreached says that a name reaches nothing, and what to write instead.
func (j *Planned) unreached(n nixgraph.Named, r nixgraph.Reach) error {
	packages := strings.Join(j.Spec.Environment.Packages, ", ")
	message := fmt.Sprintf("optimize.packages: %s reaches nothing of the environment: %s is made without %s", n.Name, packages, n.Is)
	if j.Spec.Optimize.Reach == jobspec.ReachNamed {
		return fault.New(message, "reach: named gives a package to those alone that are named too, and take it under its name; reach: rebuild gives it to all that depend on it")
	}
	if instead := tuning.Instead(n.Is, r.All); instead != "" {
		return fault.New(message, instead)
	}
	if same := namesakes(n.Name, r.All); len(same) > 0 {
		return fault.New(message+", and with "+strings.Join(same, ", "), "name it by the set that this comes from, such as python3Packages; or remove it")
	}
	return fault.New(message, "remove it from optimize.packages, or add what uses it to environment.packages")
}

// namesakes are derivations that go by the last part of a package's path: the same
// package from another set.
func namesakes(path string, all []string) (out []string) {
	want := path[strings.LastIndexByte(path, '.')+1:]
	for _, name := range all {
		if p := tuning.Pname(name); p == want || strings.HasSuffix(p, "-"+want) {
			out = append(out, name)
		}
	}
	return out
}

// overLimit says what would be made again because of which name.
func overLimit(arch string, r nixgraph.Reach, limit int) error {
	var because []string
	for _, n := range r.Names {
		because = append(because, fmt.Sprintf("%s changes %d (%s)", n.Name, len(n.Rebuilt), text.Some(n.Rebuilt, mostNamed)))
	}
	return fault.New(fmt.Sprintf("optimize.limit: the %s build would make %d derivations again, and %d are allowed: %s",
		arch, len(r.Rebuilt), limit, strings.Join(because, "; ")),
		fmt.Sprintf("name packages that fewer depend on; or allow it with optimize.limit: %d; or build the named ones alone with optimize.reach: named", len(r.Rebuilt)))
}

// mostNamed is how many derivations are named for each name that is over the limit.
const mostNamed = 8
