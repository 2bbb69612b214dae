// Package cancel tells the jobs of a run to end.
//
// It promises that only a job which the queue has just shown to be the run's is
// told, and that nothing is said to be cancelled which is not.
package cancel

import (
	"context"
	"errors"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
)

// Word is what became of it.
type Word int

// The words.
const (
	Over      Word = iota // the run was over
	TaskOver              // the task was
	NotThere              // a local run that does not run
	Here                  // the agent of a local run was told
	Cancelled             // Slurm was told
)

// Outcome is what was done.
type Outcome struct {
	Word   Word
	Status status.Status // as it was before
	Jobs   []string      // that Slurm was told to end
	// Unwritten is why that could not be written down. Slurm knows, and tells it
	// for as long as it remembers the job.
	Unwritten error
}

// Run cancels a run, or one task of it (task is -1 for all).
func Run(ctx context.Context, client *slurm.Client, r rundir.Run, task int, f ledger.About) (Outcome, error) {
	f.MaxAge = 0 // what is cancelled is looked at now
	states, serr := status.States(ctx, client, []rundir.Run{r}, f)
	if err := ctx.Err(); err != nil {
		return Outcome{}, err // what was cut short is not Slurm's failure
	}
	out := Outcome{Status: states[0]}
	st := out.Status
	switch {
	case st.Over():
		return out, nil
	case st.Job.Local && st.State != slurm.Running:
		out.Word = NotThere
		return out, nil
	case st.Job.Local:
		out.Word = Here
		return out, submit.CancelHere(r, f.Now())
	case st.Elsewhere != "":
		return out, fault.Of(fault.Slurm, serr)
	}
	open, _ := st.Open(task)
	switch {
	case len(open) == 0 && task >= 0:
		out.Word = TaskOver
		return out, nil
	case len(open) == 0:
		return out, &ledger.UncertainError{RunID: r.ID, Err: unsure(&st, serr)}
	}
	out.Word = Cancelled
	return out, out.tell(ctx, client, open, f)
}

// tell tells those jobs to end that the queue shows to be the run's own.
func (out *Outcome) tell(ctx context.Context, client *slurm.Client, open []slurm.Wanted, f ledger.About) error {
	r := out.Status.Run
	jobs, err := client.Confirm(ctx, open...)
	if err != nil {
		return fault.Of(fault.Slurm, ledger.FromSlurm(err))
	}
	if len(jobs) == 0 {
		if out.Status.Unreadable() != nil {
			return &ledger.UncertainError{RunID: r.ID, Err: unsure(&out.Status, nil)}
		}
		return &ledger.UncertainError{RunID: r.ID, Err: errors.New("Slurm shows no job of it, and nothing was cancelled" + text.Because(out.Status.Reason))}
	}
	if err := client.Cancel(ctx, jobs...); err != nil {
		return fault.Of(fault.Slurm, ledger.FromSlurm(err))
	}
	for _, j := range jobs {
		out.Jobs = append(out.Jobs, j.ID())
	}
	out.Unwritten = ledger.Cancelled(r, out.Jobs, f.Now())
	status.Forget(f)
	return nil
}

// unsure is why it is not known which jobs there are to be told.
func unsure(s *status.Status, asked error) error {
	if err := s.Unreadable(); err != nil {
		return &ledger.UnreadError{Err: errors.New("nothing was cancelled: " + s.Reason)}
	}
	if asked != nil {
		return asked
	}
	return errors.New("nothing was cancelled" + text.Because(s.Reason))
}
