package ui

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/record/results"
	"github.com/nixbatch/nixbatch/internal/screen"
)

// missing stands where a number is not: never an empty cell, never 0.
const missing = "missing"

// toldMissing is how many missing numbers are told with their reasons.
const toldMissing = 10

// PrintResults prints a table of results, and why numbers are missing.
func PrintResults(w io.Writer, t *results.Table) {
	c := Table(w)
	screen.Printf(c, "TASK")
	for _, name := range resultHeads(t) {
		screen.Printf(c, "\t%s", name)
	}
	screen.Printf(c, "\tSTATE\tTIME\n")
	for _, k := range t.Tasks {
		screen.Printf(c, "%d", k.Task)
		for _, cell := range resultCells(k) {
			screen.Printf(c, "\t%s", orDash(cell))
		}
		screen.Printf(c, "\t%s\t%s\n", k.State, elapsed(k))
	}
	c.Flush()
	toldLacks(t, func(format string, args ...any) { screen.Printf(w, format+"\n", args...) })
}

// PrintResultsMarkdown prints the table as GitHub's Markdown has it.
func PrintResultsMarkdown(w io.Writer, t *results.Table) {
	row := func(words []string) {
		for i, s := range words {
			words[i] = markdown(s)
		}
		screen.Printf(w, "%s\n", "| "+strings.Join(words, " | ")+" |")
	}
	heads := append(append([]string{"task"}, resultHeads(t)...), "state", "time")
	row(heads)
	rule := make([]string, len(heads))
	for i := range rule {
		rule[i] = "---"
	}
	screen.Printf(w, "%s\n", "|"+strings.Join(rule, "|")+"|")
	for _, k := range t.Tasks {
		row(append(append([]string{strconv.Itoa(k.Task)}, resultCells(k)...), k.State, elapsed(k)))
	}
	told := false
	toldLacks(t, func(format string, args ...any) {
		if !told {
			screen.Printf(w, "\n")
			told = true
		}
		screen.Printf(w, "- %s\n", markdown(string(screen.Sprintf(format, args...))))
	})
}

// markdown keeps a text within its cell, as it is.
func markdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "<", "&lt;", "`", "\\`", "\n", " ").Replace(s)
}

// PrintResultsCSV prints the table as RFC 4180 has it: all values of a number in
// one cell, blanks between; nothing where there is none, and in the last column
// why.
func PrintResultsCSV(w io.Writer, t *results.Table) error {
	out := csv.NewWriter(w)
	heads := append(append([]string{"task"}, resultHeads(t)...), "state", "elapsed_seconds", "missing")
	if err := out.Write(heads); err != nil {
		return err
	}
	for _, k := range t.Tasks {
		row := append([]string{strconv.Itoa(k.Task)}, k.Values...)
		var why []string
		for i, c := range k.Numbers {
			row = append(row, c.All())
			if c.Missing != "" {
				why = append(why, t.Numbers[i].Name+": "+c.Missing)
			}
		}
		seconds := ""
		if k.Elapsed != nil {
			seconds = strconv.FormatFloat(*k.Elapsed, 'f', -1, 64)
		}
		if err := out.Write(append(row, k.State, seconds, strings.Join(why, "; "))); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func resultHeads(t *results.Table) []string {
	out := append([]string{}, t.Sweep...)
	for _, c := range t.Numbers {
		out = append(out, c.Title())
	}
	return out
}

// resultCells are the values of a task's sweep, and its numbers: of several the
// first and the last.
func resultCells(k results.Task) []string {
	out := append([]string{}, k.Values...)
	for _, c := range k.Numbers {
		switch n := len(c.Values); {
		case c.Missing != "":
			out = append(out, missing)
		case n > 2:
			out = append(out, fmt.Sprintf("%s … %s (%d)", c.Values[0], c.Values[n-1], n))
		default:
			out = append(out, c.All())
		}
	}
	return out
}

func elapsed(k results.Task) string {
	if k.Elapsed == nil {
		return "-"
	}
	return Seconds(*k.Elapsed)
}

// toldLacks tells why numbers are missing.
func toldLacks(t *results.Table, tell func(format string, args ...any)) {
	all := t.Missing()
	for _, l := range all[:min(len(all), toldMissing)] {
		tell("task %d: %s is missing: %s", l.Task, l.Name, l.Why)
	}
	if n := len(all) - toldMissing; n > 0 {
		tell("and %d more are missing; --json has all", n)
	}
}
