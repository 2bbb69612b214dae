package ui

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/humanize"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/text"
)

// Bytes is a size in bytes for people.
func Bytes(n int64) string { return humanize.IBytes(uint64(n)) }

// Table is a writer of columns, separated by tabs.
func Table(w io.Writer) screen.Columns { return screen.Table(w) }

// PrintPlan tells a person what will happen and why. costs says in words what a
// build still takes, graphs what is rebuilt for it; both by arch. With why, the
// names that are better than the chosen ones follow, each with what stands in its
// way.
func PrintPlan(w io.Writer, p *plan.Plan, costs, graphs map[string]string, why bool) {
	screen.Printf(w, "%s: %s\n\n", p.Name, strings.Join(p.Packages, " "))
	t := Table(w)
	screen.Printf(t, "NODES\tCPU\tFROM\tLEVEL\tBEST\tBUILD\tWHY\n")
	for _, c := range p.Classes {
		screen.Printf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Nodes, orDash(c.CPU), orDash(c.From), orDash(c.Level), orDash(c.Best), orDash(c.Build), c.Why)
	}
	t.Flush()
	printNot(w, p, why)
	screen.Printf(w, "\n")
	t = Table(w)
	screen.Printf(t, "BUILD\tTUNE\tSTATE\tWHY\n")
	for _, b := range p.Builds {
		screen.Printf(t, "%s\t%s\t%s\t%s\n", cpuflags.Words(b.Arch), orDash(b.Tune), costs[b.Arch], b.Why)
	}
	t.Flush()
	for _, b := range p.Builds {
		if graphs[b.Arch] != "" {
			screen.Printf(w, "  %s %s\n", b.Arch, graphs[b.Arch])
		}
	}
	printReach(w, p)
	screen.Printf(w, "\nthreads   %d a task\n", p.Threads.PerTask)
	if r := p.Ranks(); r != "" {
		screen.Printf(w, "ranks     %s\n", r)
	}
	if sw := p.Sweep; sw != nil {
		most := ""
		if sw.MaxRunning > 0 {
			most = fmt.Sprintf(", %d at once", sw.MaxRunning)
		}
		screen.Printf(w, "tasks     %d%s, the first with %s\n", sw.Tasks, most, sw.First)
	}
	printKept(w, p)
	if p.Home == "user" {
		screen.Printf(w, "home      user: what lies in your home directory may change the result\n")
	}
	for _, pin := range p.Pins {
		words := []string{pin.Kind}
		if pin.From != "" {
			words = append(words, pin.From)
		}
		if pin.Rev != "" {
			words = append(words, pin.Rev[:min(12, len(pin.Rev))])
		}
		screen.Printf(w, "%-9s %s %s\n", pin.Role, strings.Join(words, " "), pin.Hash)
	}
	if len(p.Notes) > 0 {
		screen.Printf(w, "\n")
	}
	for _, n := range p.Notes {
		screen.Printf(w, "note: %s\n", n)
	}
}

// printKept says what of the inputs the run will keep.
func printKept(w io.Writer, p *plan.Plan) {
	k := p.Kept
	switch {
	case k == nil:
		screen.Printf(w, "workdir   shared: the job file's directory\n")
	case k.Files > 0:
		n := len(k.Large) + k.More
		screen.Printf(w, "inputs    %s, %s kept", text.Plural(k.Files, "file"), Bytes(k.Bytes))
		if n > 0 {
			screen.Printf(w, "; above %s, and so only hashed unless the file system clones it: %s", Bytes(k.Below), k.Large[0])
			if n > 1 {
				screen.Printf(w, " and %d more", n-1)
			}
		}
		screen.Printf(w, "\n")
	}
}

// printReach says whom the names of optimize.packages reach, once for builds of
// which the same is true.
func printReach(w io.Writer, p *plan.Plan) {
	var texts []string
	builds := map[string][]string{}
	for _, b := range p.Builds {
		for _, r := range b.Reach {
			if builds[r.Words()] == nil {
				texts = append(texts, r.Words())
			}
			builds[r.Words()] = append(builds[r.Words()], b.Arch)
		}
	}
	for _, t := range texts {
		screen.Printf(w, "  %s %s\n", strings.Join(builds[t], ","), t)
	}
}

// printNot says why no better arch was chosen, once for nodes of which the same
// is true.
func printNot(w io.Writer, p *plan.Plan, why bool) {
	var texts, better []string
	nodes := map[string][]string{}
	for _, c := range p.Classes {
		for _, n := range c.Not {
			if !slices.Contains(better, n.Arch) {
				better = append(better, n.Arch)
			}
			text := "not " + n.Arch + ": " + n.Explain()
			if nodes[text] == nil {
				texts = append(texts, text)
			}
			nodes[text] = append(nodes[text], c.Nodes)
		}
	}
	if len(better) > 0 && !why {
		screen.Printf(w, "  better ones that cannot be used: %d; --why names them, and what stands in their way\n", len(better))
		return
	}
	for _, t := range texts {
		screen.Printf(w, "  %s %s\n", strings.Join(nodes[t], ","), t)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
