package ui

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/humanize"
	"github.com/nixbatch/nixbatch/internal/plan"
)

// Bytes is a size in bytes for people.
func Bytes(n int64) string { return humanize.IBytes(uint64(n)) }

// Columns is a table that is being written.
type Columns struct {
	*tabwriter.Writer
	out *bufio.Writer
}

// Table is a writer of columns, separated by tabs; Flush prints them, in a few
// large pieces instead of one a cell.
func Table(w io.Writer) Columns {
	out := bufio.NewWriterSize(w, 1<<16)
	return Columns{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), out}
}

// Flush prints what was written.
func (c Columns) Flush() error {
	if err := c.Writer.Flush(); err != nil {
		return err
	}
	return c.out.Flush()
}

// PrintPlan tells a person what will happen and why. costs says in words what a
// build still takes, graphs what is rebuilt for it; both by arch.
func PrintPlan(w io.Writer, p *plan.Plan, costs, graphs map[string]string) {
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
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", cpuflags.Words(b.Arch), orDash(b.Tune), costs[b.Arch], b.Why)
	}
	t.Flush()
	for _, b := range p.Builds {
		if graphs[b.Arch] != "" {
			fmt.Fprintf(w, "  %s %s\n", b.Arch, graphs[b.Arch])
		}
	}
	fmt.Fprintf(w, "\nthreads   %d a task\n", p.Threads.PerTask)
	if r := p.Ranks(); r != "" {
		fmt.Fprintf(w, "ranks     %s\n", r)
	}
	if sw := p.Sweep; sw != nil {
		most := ""
		if sw.MaxRunning > 0 {
			most = fmt.Sprintf(", %d at once", sw.MaxRunning)
		}
		fmt.Fprintf(w, "tasks     %d%s, the first with %s\n", sw.Tasks, most, sw.First)
	}
	for _, pin := range p.Pins {
		words := []string{pin.Kind}
		if pin.From != "" {
			words = append(words, pin.From)
		}
		if pin.Rev != "" {
			words = append(words, pin.Rev[:min(12, len(pin.Rev))])
		}
		fmt.Fprintf(w, "%-9s %s %s\n", pin.Role, strings.Join(words, " "), pin.Hash)
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
