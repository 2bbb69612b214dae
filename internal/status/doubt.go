package status

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/text"
)

// doubts looks for the real jobs of those runs whose number is sbatch's word
// alone, and under whose number Slurm shows another job, or none where that word
// was not Slurm's own. Where any was found
// the run is read again, and Slurm is asked about its job.
func doubts(ctx context.Context, w Watcher, p ledger.About, here string, all []Status, ask []int, said *answer) (*answer, error) {
	again := false
	for _, i := range ask {
		jobs := said.doubted(&all[i])
		if len(jobs) == 0 {
			continue
		}
		err := ledger.Correct(ctx, all[i].Run, w, p, func(job int64) bool { return jobs[job] })
		var files *ledger.UnreadError
		if errors.As(err, &files) {
			all[i].unreadJobs(jobs, err) // no other run's matter
			continue
		}
		if err != nil {
			return said, err
		}
		// The job itself may have been quicker.
		unsettled := all[i].Unsettled
		all[i] = fromFiles(all[i].Run)
		all[i].Unsettled = unsettled
		again = again || !slices.ContainsFunc(all[i].Tasks, func(t TaskStatus) bool { return jobs[t.Job] })
	}
	if !again {
		return said, nil
	}
	return witnesses(ctx, w, p, here, all, ask)
}

// doubted are those numbers of a run. One that Slurm has forgotten is believed
// all the same where Slurm's own sbatch said it.
func (a *answer) doubted(s *Status) map[int64]bool {
	out := map[int64]bool{}
	for i := range s.Tasks {
		if t := &s.Tasks[i]; t.Submitted && t.claimed && !out[t.Job] && (t.unconfirmed || a.shows(t.Job)) {
			out[t.Job] = true
		}
	}
	if len(out) == 0 {
		return nil
	}
	for i := range s.Tasks {
		t := &s.Tasks[i]
		_, queued := a.queued(t)
		_, counted := a.counted(t)
		if queued || counted {
			delete(out, t.Job)
		}
	}
	return out
}

// shows reports whether Slurm shows anything under a number.
func (a *answer) shows(job int64) bool { return a.numbers[job] }

// tellInstead says of a task that is not over that sbatch named another job.
func (t *TaskStatus) tellInstead() {
	switch {
	case t.State.Final():
	case t.unconfirmed:
		t.Reason = text.Join(t.Reason, fmt.Sprintf("sbatch had answered %d, which Slurm does not show as its job", t.Job))
	case t.instead != 0:
		t.Reason = text.Join(t.Reason, fmt.Sprintf("sbatch had answered %d, which is not its job", t.instead))
	}
}
