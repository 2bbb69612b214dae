package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/internal/tuning"
)

// Reach is what a name of optimize.packages comes to in a build.
type Reach struct {
	Name    string   `json:"name"`        // as the job file has it
	Reaches []string `json:"reaches"`     // of environment.packages, in their order
	Forms   []string `json:"derivations"` // made from it: itself and its variants; names, sorted
	// Arguments are what it is given beside the flags, as JSON.
	Arguments string `json:"arguments,omitempty"`
	Brings    string `json:"brings,omitempty"` // what its rebuild can bring, where that is known
}

// Tell writes into a build what its evaluation showed, and notes in the plan what
// a person has to know of it.
func (p *Plan) Tell(b *Build, r nixgraph.Reach) {
	b.Reach = nil
	for _, n := range r.Names {
		told := Reach{Name: n.Name, Reaches: n.Reaches, Forms: n.Forms, Arguments: n.Arguments}
		for _, form := range n.Forms {
			if told.Brings == "" {
				told.Brings = tuning.Brings(form)
			}
		}
		b.Reach = append(b.Reach, told)
	}
	b.Rebuilt = r.Rebuilt
	if b.NoTests && len(r.Tested) > 0 {
		p.noteOnce("tests of %s stay on in the %s build, which this machine cannot run: they fail where they run what is built for it; "+
			"name them in optimize.packages to turn their tests off, or build on a machine that can run it", text.Some(r.Tested, mostNamed), b.Arch)
	}
}

// RunsOn reports whether a CPU with these flags can run a build: what it is made for,
// and what some of its derivations are made for beside that.
func (b Build) RunsOn(flags cpuflags.Set) bool {
	return (b.Arch == Generic || cpuflags.CanRun(flags, b.Arch)) && (b.Needs == "" || cpuflags.CanRun(flags, b.Needs))
}

// Reveal writes into a build what compilers are told in it beside its own arch: march
// is what -march names, and in how many derivations. A *fault.Error says that a build
// asks for more than can be told of one name.
func (p *Plan) Reveal(b *Build, march map[string]int) error {
	own, _ := cpuflags.ParseBuild(b.Arch)
	flags := own.Flags()
	if b.Arch == Generic {
		base, _ := cpuflags.ParseBuild(map[string]string{cpuflags.X86: "x86-64", cpuflags.AArch64: "armv8-a"}[machine(p.System)])
		flags = base.Flags()
	}
	var beyond []string
	for _, name := range sortedKeys(march) {
		if a, ok := cpuflags.LookupArch(name); ok && a.Machine == machine(p.System) && !cpuflags.CanRun(flags, name) {
			beyond = append(beyond, name)
		}
	}
	if len(beyond) == 0 {
		return nil
	}
	best := cpuflags.Rank(beyond)[0]
	most, _ := cpuflags.LookupArch(best)
	for _, name := range beyond {
		if !cpuflags.CanRun(most.Requires.Union(flags), name) {
			return fault.New(fmt.Sprintf("the package set compiles parts of the %s build for %s, which no one CPU's name covers", b.Arch, strings.Join(beyond, " and ")),
				"set what decides it in environment.config, or leave the overlay out")
		}
	}
	b.Needs = best
	p.noteOnce("the %s build needs %s: the package set itself compiles %s with that -march; a node that cannot run it does not start it",
		b.Arch, best, text.Plural(march[best], "derivation"))
	return nil
}

// mostNamed is how many names stand in a note.
const mostNamed = 5

func (p *Plan) noteOnce(format string, args ...any) {
	if note := fmt.Sprintf(format, args...); !slices.Contains(p.Notes, note) {
		p.Notes = append(p.Notes, note)
	}
}

// Words is whom a name reaches, in words.
func (r Reach) Words() string {
	s := r.Name + " reaches " + strings.Join(r.Reaches, " ")
	if r.Arguments != "" {
		s += ", built with " + r.Arguments
	}
	if r.Brings != "" {
		s += "; " + r.Brings
	}
	return s
}
