package ui

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
)

// short is a reason on one line, of a length that a line can have.
func short(reason string) string { return screen.Value(text.Short(reason)) }

// say is a reason for a table: of what is over, what the state does not tell
// stands in for one that is not there.
func say(state slurm.State, reason, note string) string {
	if reason == "" && state.Final() {
		reason = note
	}
	return orDash(short(reason))
}

// PrintStatus prints a table of runs.
func PrintStatus(w io.Writer, all []status.Status) {
	t := Table(w)
	screen.Printf(t, "RUN\tJOB\tSTATE\tBUILD\tELAPSED\tEXIT\tREASON\n")
	for _, s := range all {
		job := "-"
		if id := s.JobID(); id != 0 {
			job = strconv.FormatInt(id, 10)
		} else if s.Job.Local {
			job = "local"
		}
		state := string(s.State)
		if s.NotSubmitted {
			state = "not submitted"
		}
		build, elapsed, exit := brief(s.Brief)
		note := s.Brief.Note
		if s.Sweep() {
			elapsed, exit, note = "-", "-", ""
		}
		screen.Printf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Run.ID, job, state, build, elapsed, exit, say(s.State, s.Reason, note))
	}
	t.Flush()
}

func brief(b status.Brief) (build, elapsed, exit string) {
	build, elapsed, exit = orDash(b.Build), "-", "-"
	if b.Exit != nil {
		elapsed, exit = Seconds(b.Elapsed), strconv.Itoa(*b.Exit)
	}
	return build, elapsed, exit
}

// PrintTasks prints a table of a sweep's tasks: all of them, or, where they are
// more than most, those that are not completed first. values says what a task
// is.
func PrintTasks(w io.Writer, s status.Status, most int, values func(task int) string) {
	shown := s.Tasks
	if len(shown) > most {
		shown = nil
		for _, done := range []bool{false, true} {
			for _, t := range s.Tasks {
				if (t.State == slurm.Completed) == done && len(shown) < most {
					shown = append(shown, t)
				}
			}
		}
	}
	t := Table(w)
	screen.Printf(t, "TASK\tJOB\tSTATE\tTRY\tELAPSED\tEXIT\tVALUES\tREASON\n")
	for _, k := range shown {
		job, state := "-", "not submitted"
		if k.Submitted {
			job, state = k.Ref(), string(k.State)
		}
		_, elapsed, exit := brief(k.Brief)
		screen.Printf(t, "%d\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", k.Task, job, state, k.Attempt, elapsed, exit, orDash(values(k.Task)), say(k.State, k.Reason, k.Brief.Note))
	}
	t.Flush()
	if n := len(s.Tasks) - len(shown); n > 0 {
		screen.Printf(w, "and %d more; --tasks shows all\n", n)
	}
}

// PrintEnd tells how a run ended and where its record is.
func PrintEnd(w io.Writer, s status.Status) {
	told := s.LogTask() // it reads a sweep's tasks, too
	screen.Printf(w, "%s%s", s.State, text.Because(s.Reason))
	if s.End != nil && s.Start != nil && !s.Sweep() {
		screen.Printf(w, " in %s", Seconds(s.End.Elapsed))
	}
	if s.Start != nil && len(s.Start.Nodes) > 0 {
		screen.Printf(w, ": build %s on %s, %s", cpuflags.Words(s.Start.Build.Arch), s.Start.Nodes[0].CPU.Name, text.Plural(s.Start.Threads, "thread"))
	}
	screen.Printf(w, "\n")
	if s.Start != nil && s.Start.Oversubscribed != "" {
		screen.Printf(w, "note: %s\n", s.Start.Oversubscribed)
	}
	if s.Start != nil && !s.Sweep() {
		for _, c := range s.Start.Changed {
			screen.Printf(w, "input %s: %s\n", c.Path, c.What)
		}
	}
	if s.Sweep() {
		printTaskNotes(w, s)
	} else if s.End != nil {
		for _, o := range s.End.Outputs {
			if o.Skipped != "" {
				screen.Printf(w, "output %s: %s\n", o.Path, o.Skipped)
			}
		}
		for _, c := range s.End.Changed {
			screen.Printf(w, "input %s changed while the job ran: %s\n", c.Path, c.What)
		}
		for _, o := range s.End.NotCopied {
			screen.Printf(w, "%s was not put back: %s\n", o.Path, o.Skipped)
		}
		for _, n := range s.End.NotInputs {
			screen.Printf(w, "hint: %s lies beside the job file and is not among inputs\n", n)
		}
	}
	screen.Printf(w, "record %s\nlog    %s\n", s.Run.Dir, s.Run.LogFile(told))
}

// notedTasks is how many tasks' notes are printed at the end of a sweep.
const notedTasks = 5

func printTaskNotes(w io.Writer, s status.Status) {
	n := 0
	for _, t := range s.Tasks {
		if t.Brief.Note == "" || !t.State.Final() {
			continue
		}
		if n++; n <= notedTasks {
			screen.Printf(w, "task %d: %s\n", t.Task, t.Brief.Note)
		}
	}
	if n > notedTasks {
		screen.Printf(w, "and %s more with such notes; nixbatch status %s --tasks\n", text.Plural(n-notedTasks, "task"), s.Run.ID)
	}
}

// Seconds is a duration in seconds for people.
func Seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return fmt.Sprintf("%.2f s", s)
	}
	return d.Round(time.Second).String()
}
