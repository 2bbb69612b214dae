package status

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
)

// settle finishes the run's submissions, and takes over what that found.
func (s *Status) settle(ctx context.Context, w Watcher, p ledger.About) error {
	if s.known() {
		return nil
	}
	if s.Elsewhere != "" {
		s.Unsettled, s.Reason = true, s.Elsewhere
		return nil
	}
	job, ok, err := ledger.Settle(ctx, s.Run, w, p)
	if ok || job.How != "" {
		fresh := fromFiles(s.Run)
		*s = fresh
	}
	s.Unsettled = !ok
	if !ok && s.Job.How == "" {
		s.Reason = "it is not known whether Slurm took the job"
		if err == nil {
			s.Reason += ": its submission is too young, or under way"
		}
	}
	return err
}

// known reports whether every round's answer is there.
func (s *Status) known() bool {
	for round := range max(s.rounds, 1) {
		var sub facts.Submit
		there, err := durable.ReadIf(ledger.SubmitFile(s.Run, round), &sub)
		if err != nil {
			s.unread(err) // settling reads it, too
		}
		if !there {
			return false
		}
	}
	return true
}

// merge weighs the witnesses for every task, and sums up. silent is why Slurm
// could not be asked, "" where it was.
func (s *Status) merge(said *answer, silent string, now time.Time) {
	if s.NotSubmitted || s.settled() {
		return
	}
	if !slices.ContainsFunc(s.Tasks, func(t TaskStatus) bool { return t.Submitted }) {
		return // what is known of it was said
	}
	from := "files"
	words := &lastWords{run: s.Run, sweep: s.Sweep()}
	for i := range s.Tasks {
		t := &s.Tasks[i]
		if !t.Submitted {
			continue
		}
		if f := t.merge(said, silent, words, now); f != "" {
			from = f
		}
	}
	s.overMemory()
	s.sum()
	s.Load()
	if s.State.Final() && silent == "" && !s.Unsettled {
		s.keep(from, now)
	}
}

// merge weighs the witnesses of one task: it returns the one that decided.
func (t *TaskStatus) merge(said *answer, silent string, words *lastWords, now time.Time) (from string) {
	t.Cause = ""
	q, queued := said.queued(t)
	a, counted := said.counted(t)
	if t.end == nil && !(queued && !q.State.Final()) {
		attempt(words.run, t) // it may have begun and ended since its files were read
	}
	t.unconfirmed = t.unconfirmed && !queued && !counted
	defer t.tellInstead()
	last := q
	if counted && a.State.Final() {
		last = slurm.Job{State: a.State, Start: a.Start, Nodes: a.Nodes}
	}
	if queued {
		ledger.Seen(words.run, t.Wanted, q.Submit, now)
		if changed := t.Wanted.Changed(q); changed != "" {
			defer func() { t.Reason = text.Join(t.Reason, changed) }()
		}
	}
	switch {
	case t.open:
		t.State, t.Reason = slurm.Unknown, "it is not known whether Slurm took its retry"
	case queued && !q.State.Final() && q.State != slurm.Unknown:
		t.State, t.Reason, from = q.State, q.Reason, "queue"
		how := slurm.ParseManner(q.Word)
		if how != "" {
			t.Reason = string(how)
		}
		if how == slurm.Suspended {
			t.Cause = Suspended
		}
	case t.endedBefore(last):
		t.byEnd()
		from, t.Reason = "files", text.Join(t.Reason, fmt.Sprintf("Slurm calls it %s, for what came after its end", last.State))
	case last.State == slurm.Failed && t.lives(words.run):
		t.State, t.Reason, from = slurm.Running, "its agent holds its lock: what Slurm calls failed is a later start", "files"
	case counted && a.State.Final():
		t.State, t.Reason, from = a.State, t.explain(a.State, a.Word, q.Reason, a.ExitCode), "accounting"
	case queued && q.State.Final():
		t.State, t.Reason, from = q.State, t.explain(q.State, q.Word, q.Reason, exitCode(t.Brief)), "queue"
		if slurm.ParseReason(q.Reason).Kind() == slurm.ForNothing {
			t.Reason = "what it waited for did not complete"
		}
	default:
		from = t.gone(silent, words)
	}
	return from
}

// gone weighs what there is of a task of which Slurm says nothing.
func (t *TaskStatus) gone(silent string, words *lastWords) (from string) {
	switch {
	case silent != "" && (t.end == nil || t.end.ToldToEnd()):
		t.State, t.Reason = slurm.Unknown, silent // what was told to end may have been requeued
	case t.end != nil && !t.end.ToldToEnd():
	case t.lastWord(words):
		from = "files"
	case t.end != nil:
	case t.Unread != nil:
		t.State, t.Reason = slurm.Unknown, "" // see tellUnread
	case t.begun() && t.Brief.Exit != nil:
		t.State, t.Reason = slurm.Unknown, "it was requeued at a checkpoint, and left the queue without another attempt"
	case t.begun():
		t.State, t.Reason = slurm.Unknown, "it started and left the queue without an end: it was killed, or its node was lost"
	default:
		// Of a waiting task that is cancelled slurmctld keeps nothing (seen with
		// 22.05.8), and soon nothing of one that failed before it wrote anything.
		t.State, t.Reason = slurm.Unknown, "it left the queue without a start"
	}
	return from
}

// endedBefore reports whether a task had come to its own end before the start of
// which Slurm tells that it was cancelled, or failed. A controller that was killed
// and forgot that it had launched a job begins it once more: that is cancelled
// while it waits, or stops by itself, since its attempt is there. So it is with one
// that is requeued for its exit code (RequeueExit), and cancelled while it waits.
func (t *TaskStatus) endedBefore(last slurm.Job) bool {
	switch {
	case t.end == nil || t.end.ToldToEnd():
		return false
	case last.State == slurm.Cancelled, last.State == slurm.Failed && t.end.ExitCode == 0:
		return last.Nodes == "" || !t.end.Time.IsZero() && last.Start.After(t.end.Time)
	}
	return false
}

// lives reports whether the agent of a task without an end holds its lock. A start
// that Slurm made beside it stops by itself, and that is failed.
func (t *TaskStatus) lives(r rundir.Run) bool {
	if t.end != nil || !t.begun() {
		return false
	}
	held, err := Alive(r, *t)
	return held && err == nil // what cannot be told is Slurm's to tell
}

// lastWord takes over what else was said of the task's end, if anything was.
func (t *TaskStatus) lastWord(words *lastWords) bool {
	state, reason, ok := words.of(t)
	if ok {
		t.State, t.Reason = state, reason
	}
	return ok
}

func (t *TaskStatus) explain(state slurm.State, word, reason string, code int) string {
	switch how := slurm.ParseManner(word); {
	case how == slurm.Preempted:
		t.Cause = Preempted
		return preempted
	case how == slurm.PastDeadline:
		return string(how)
	case t.end != nil && t.end.Reason != "":
		return t.end.Reason
	case state == slurm.Failed && code == fault.Refused.ExitCode() && t.Brief.Elapsed == 0:
		return "exit code 120: nixbatch stopped it before its first line"
	case state == slurm.Failed && code > 0:
		return exitReason(code)
	case state == slurm.Failed && t.begun() && t.end == nil:
		text := "the agent was killed before it could write the end"
		// Slurm calls it a launch failure when the batch process, which had been
		// started all the same, is killed (seen with 22.05.8).
		kind := slurm.ParseReason(reason).Kind()
		if why := fate(reason); why != "" && kind != slurm.ExitCodeNotZero && kind != slurm.LaunchFailed {
			text += ": " + why
		}
		return text
	case state == slurm.Failed || state == slurm.NodeFail:
		return fate(reason)
	}
	return ""
}

// Worst are the final states from the one that tells most.
var Worst = []slurm.State{slurm.Failed, slurm.OutOfMemory, slurm.TimedOut, slurm.NodeFail, slurm.Cancelled}

// sum makes the run's state of its tasks'.
func (s *Status) sum() {
	first := s.Tasks[0]
	s.Task, s.Attempt = first.Task, first.Attempt
	if s.Brief.Build == "" {
		s.Brief = first.Brief
	}
	if !s.Sweep() {
		s.State, s.Reason = first.State, first.Reason
		if s.Job.How == "none" && !first.Submitted && !first.Start {
			s.NotSubmitted, s.Reason = true, "Slurm had no job of this run when it was looked for; one that comes later stops by itself"
		}
		return
	}
	clear(s.Counts)
	missing := 0
	for _, t := range s.Tasks {
		if !t.Submitted {
			missing++
			continue
		}
		s.Counts[t.State]++
	}
	n := s.Counts
	switch {
	case missing == len(s.Tasks):
		s.State = slurm.Unknown
		s.NotSubmitted = s.Job.How == "none"
	case n[slurm.Running] > 0 || n[slurm.Pending] > 0 && n[slurm.Pending]+missing < len(s.Tasks):
		s.State = slurm.Running
	case n[slurm.Pending] > 0:
		s.State = slurm.Pending
	case n[slurm.Unknown] > 0, missing > 0 && s.Unsettled:
		s.State = slurm.Unknown
	case n[slurm.Completed] == len(s.Tasks):
		s.State = slurm.Completed
	default:
		s.State = slurm.Failed // tasks that were never submitted, at the least
		if i := slices.IndexFunc(Worst, func(w slurm.State) bool { return n[w] > 0 }); i >= 0 {
			s.State = Worst[i]
		}
	}
	s.Reason = s.summary(missing)
}

// order is how states are told.
var order = []slurm.State{slurm.Pending, slurm.Running, slurm.Completed, slurm.Failed, slurm.OutOfMemory, slurm.TimedOut,
	slurm.NodeFail, slurm.Cancelled, slurm.Unknown}

// summary is "completed 9990, failed 10", and why tasks wait if all that do
// wait for the same.
func (s *Status) summary(missing int) string {
	var words []string
	for _, state := range order {
		if n := s.Counts[state]; n > 0 {
			words = append(words, fmt.Sprintf("%s %d", state, n))
		}
	}
	if missing > 0 {
		words = append(words, fmt.Sprintf("not submitted %d", missing))
	}
	why := ""
	for _, t := range s.Tasks {
		if t.State == slurm.Pending {
			if why != "" && why != t.Reason {
				why = ""
				break
			}
			why = t.Reason
		}
	}
	text := strings.Join(words, ", ")
	if why != "" {
		text += ": " + why
	}
	return text + s.noted()
}

// noted is what the states of tasks do not tell.
func (s *Status) noted() string {
	n, first := 0, TaskStatus{}
	for _, t := range s.Tasks {
		if t.State == slurm.Completed && t.Brief.Note != "" {
			if n++; n == 1 {
				first = t
			}
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("; task %d: %s", first.Task, first.Brief.Note)
	}
	return fmt.Sprintf("; task %d: %s, and %s more like it", first.Task, first.Brief.Note, text.Plural(n-1, "task"))
}
