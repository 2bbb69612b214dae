package ui

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/text"
)

// Plan is what plan --json prints: the plan as it would lie in the run directory,
// with what its builds cost now.
type Plan struct {
	*plan.Plan
	Costs []submit.Cost `json:"costs,omitempty"` // one a build, of which there is one at least
}

// PrintPlanCosts prints a plan with what its builds cost now; why is PrintPlan's.
func PrintPlanCosts(w io.Writer, j *submit.Planned, costs []submit.Cost, asJSON, why bool) error {
	shown := *j.Plan
	shown.Notes = append(slices.Clone(shown.Notes), slices.Concat(j.TreeNotes(), j.Missed())...)
	for _, c := range costs {
		if c.Total > 0 && len(c.Rebuilt) == 0 {
			shown.Notes = append(shown.Notes, fmt.Sprintf("the build for %s is the generic one: nothing of environment.packages uses what optimize names", c.Arch))
		}
	}
	for _, c := range costs {
		for _, t := range c.Twice {
			shown.Notes = append(shown.Notes, fmt.Sprintf("the build for %s has %s twice: %s still uses the generic one", c.Arch, t.Name, text.Some(t.By, 5)))
		}
	}
	if asJSON {
		return PrintJSON(w, Plan{&shown, costs})
	}
	words, graphs := map[string]string{}, map[string]string{}
	for _, c := range costs {
		words[c.Arch], graphs[c.Arch] = costWords(c), graphWords(c)
	}
	PrintPlan(w, &shown, words, graphs, why)
	return nil
}

func costWords(c submit.Cost) string {
	if c.Ready {
		return "ready"
	}
	words := fmt.Sprintf("%d to build", c.Build)
	if c.Fetch > 0 {
		words += fmt.Sprintf(", %d to fetch", c.Fetch)
		if c.Download > 0 {
			words += " (" + Bytes(c.Download) + ")"
		}
	}
	return words + fmt.Sprintf(", %d there", c.Present)
}

// graphWords says what is rebuilt for the arch, and, if that was counted, what
// all of nixpkgs for it would have been.
func graphWords(c submit.Cost) string {
	if c.Total == 0 {
		return ""
	}
	if len(c.Rebuilt) == 0 {
		return "" // a note says so
	}
	words := fmt.Sprintf("differs from generic in %d of %d derivations (%s)", len(c.Rebuilt), c.Total, strings.Join(c.Rebuilt, " "))
	if c.Everywhere > 0 {
		words += fmt.Sprintf("; the arch set for all of nixpkgs would change %d", c.Everywhere)
	}
	return words
}
