package plan

import (
	"fmt"
	"slices"
	"strings"

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
