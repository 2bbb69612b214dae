package ui

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nixbatch/nixbatch/internal/runs"
)

// Because is a reason, to be put behind a state.
func Because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// PrintStatus prints a table of runs.
func PrintStatus(w io.Writer, all []runs.Status) {
	t := Table(w)
	fmt.Fprintln(t, "RUN\tJOB\tSTATE\tBUILD\tELAPSED\tEXIT\tREASON")
	for _, s := range all {
		job, build, elapsed, exit := "-", "-", "-", "-"
		if s.Job.JobID != 0 {
			job = strconv.FormatInt(s.Job.JobID, 10)
		} else if s.Job.Local {
			job = "local"
		}
		if s.Start != nil {
			build = s.Start.Build.Arch
		}
		if s.End != nil {
			elapsed, exit = Seconds(s.End.Elapsed), strconv.Itoa(s.End.ExitCode)
		}
		state := string(s.State)
		if s.NotSubmitted {
			state = "not submitted"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Run.ID, job, state, build, elapsed, exit, orDash(s.Reason))
	}
	t.Flush()
}

// PrintEnd tells how a run ended and where its record is.
func PrintEnd(w io.Writer, s runs.Status) {
	fmt.Fprintf(w, "%s%s", s.State, Because(s.Reason))
	if s.End != nil && s.Start != nil {
		fmt.Fprintf(w, " in %s", Seconds(s.End.Elapsed))
	}
	if s.Start != nil && len(s.Start.Nodes) > 0 {
		fmt.Fprintf(w, ": build %s on %s, %d threads", s.Start.Build.Arch, s.Start.Nodes[0].CPU.Name, s.Start.Threads)
	}
	fmt.Fprintf(w, "\n")
	if s.End != nil {
		for _, o := range s.End.Outputs {
			if o.Skipped != "" {
				fmt.Fprintf(w, "output %s: %s\n", o.Path, o.Skipped)
			}
		}
		for _, c := range s.End.Changed {
			fmt.Fprintf(w, "input %s changed while the job ran: %s\n", c.Path, c.What)
		}
	}
	fmt.Fprintf(w, "record %s\nlog    %s\n", s.Run.Dir, s.Run.LogFile(s.Task))
}

// Seconds is a duration in seconds for people.
func Seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return fmt.Sprintf("%.2f s", s)
	}
	return d.Round(time.Second).String()
}
