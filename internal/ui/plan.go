package ui

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"github.com/nixbatch/nixbatch/internal/plan"
)

// Bytes is a size in bytes for people.
func Bytes(n int64) string { return humanize.IBytes(uint64(n)) }

// Table is a writer of columns, separated by tabs; Flush prints them.
func Table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// PrintPlan tells a person what will happen and why. cost says in words what a
// build still takes.
func PrintPlan(w io.Writer, p *plan.Plan, cost func(arch string) string) {
	fmt.Fprintf(w, "%s: %s\n\n", p.Name, strings.Join(p.Packages, " "))
	t := Table(w)
	fmt.Fprintln(t, "NODES\tCPU\tFROM\tLEVEL\tBEST\tBUILD\tWHY")
	for _, c := range p.Classes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Nodes, orDash(c.CPU), orDash(c.From), orDash(c.Level), orDash(c.Best), orDash(c.Build), c.Why)
	}
	t.Flush()
	printNot(w, p)
	fmt.Fprintln(w)
	t = Table(w)
	fmt.Fprintln(t, "BUILD\tTUNE\tSTATE\tWHY")
	for _, b := range p.Builds {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", b.Arch, orDash(b.Tune), cost(b.Arch), b.Why)
	}
	t.Flush()
	fmt.Fprintf(w, "\nthreads   %d a task\n", p.Threads.PerTask)
	for _, pin := range p.Pins {
		from := pin.From
		if pin.Rev != "" {
			from += " " + pin.Rev[:12]
		}
		fmt.Fprintf(w, "%-9s %s %s %s\n", pin.Role, pin.Kind, strings.TrimSpace(from), pin.Hash)
	}
	if len(p.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
}

// printNot says why no better arch was chosen, once for nodes of which the same
// is true.
func printNot(w io.Writer, p *plan.Plan) {
	var texts []string
	nodes := map[string][]string{}
	for _, c := range p.Classes {
		for _, n := range c.Not {
			text := "not " + n.Arch + ": " + n.Explain()
			if nodes[text] == nil {
				texts = append(texts, text)
			}
			nodes[text] = append(nodes[text], c.Nodes)
		}
	}
	for _, t := range texts {
		fmt.Fprintf(w, "  %s %s\n", strings.Join(nodes[t], ","), t)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
