package ui

import (
	"io"
	"strconv"
	"time"

	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/text"
)

// PrintRuns prints a list of runs as it is at a time.
func PrintRuns(w io.Writer, l *runs.List, now time.Time) {
	t := Table(w)
	screen.Printf(t, "RUN\tJOB\tSTATE\tAGE\tSIZE\tPROJECT\n")
	for _, e := range l.Runs {
		job := "-"
		switch {
		case e.JobID != 0:
			job = strconv.FormatInt(e.JobID, 10)
		case e.Local:
			job = "local"
		}
		screen.Printf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.RunID, job, e.State, Age(now.Sub(e.Submitted)), sizeOf(e), e.Project)
	}
	t.Flush()
	screen.Printf(w, "%s, %s\n", text.Plural(len(l.Runs), "run"), Bytes(l.Bytes))
}

func sizeOf(e runs.Entry) string {
	if e.Bytes < 0 {
		return "unknown"
	}
	return Bytes(e.Bytes)
}

// PrintRemoved prints what a removal did, and to diag why a run stays.
func PrintRemoved(w, diag io.Writer, r *runs.Report) {
	verb := "removed"
	if r.Dry {
		verb = "would remove"
	}
	for _, e := range r.Removed {
		screen.Printf(w, "%s %s (%s, %s)\n", verb, e.RunID, e.State, sizeOf(e))
	}
	for _, k := range r.Kept {
		screen.Printf(diag, "kept %s: it %s\n", k.RunID, k.Why)
	}
	if len(r.Removed) != 1 {
		screen.Printf(w, "%s %s, %s\n", verb, text.Plural(len(r.Removed), "run"), Bytes(r.Bytes))
	}
}
