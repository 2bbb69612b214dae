package submit

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Parent is a job that another comes after: what it makes is no input before that
// one's start, whatever lies under the name now.
type Parent struct {
	Dir     string   // absolute: where its job file is
	Outputs []string // as its job file names them
}

// earlier are the runs that a job file names under after, as far as they can be
// found: that one cannot be is told when it is submitted.
func earlier(p rundir.Project, names []string) (out []Parent) {
	for _, name := range names {
		r, err := p.Get(name)
		if err != nil {
			continue
		}
		var pl plan.Plan
		var sub facts.Submit
		if durable.Read(r.PlanFile(), &pl) == nil && durable.Read(r.SubmitFile(), &sub) == nil {
			out = append(out, Parent{sub.Priv.Dir, pl.Gives()})
		}
	}
	return out
}

// made reports whether an earlier job makes the file of that name.
func (s *search) made(name string) bool {
	file := name
	if !filepath.IsAbs(file) {
		file = filepath.Join(s.found.Base, name)
	}
	return slices.ContainsFunc(s.before, func(b Parent) bool {
		rel, err := filepath.Rel(b.Dir, file)
		return err == nil && filepath.IsLocal(rel) && gives(b.Outputs, rel)
	})
}

// gives reports whether a file is one of a job's outputs, of whatever task.
func gives(outputs []string, name string) bool {
	return slices.ContainsFunc(outputs, func(p string) bool {
		for _, place := range jobspec.Places(p) {
			p = strings.ReplaceAll(p, "{"+place+"}", "*")
		}
		ok, _ := doublestar.Match(p, name)
		return ok || p == name
	})
}
