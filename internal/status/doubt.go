package status

import (
	"context"
	"fmt"

	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/text"
)

// doubts looks for the real jobs of those runs whose number is sbatch's word
// alone, and under whose number Slurm shows no job of theirs. Where any was found
// the run is read again, and Slurm is asked about its job.
func doubts(ctx context.Context, w Watcher, p ledger.About, here string, all []Status, ask []int, said *answer) (*answer, error) {
	again := false
	for _, i := range ask {
		jobs := said.doubted(&all[i])
		if len(jobs) == 0 {
			continue
		}
		changed, err := ledger.Correct(ctx, all[i].Run, w, p, func(job int64) bool { return jobs[job] })
		if err != nil {
			return said, err
		}
		if changed {
			unsettled := all[i].Unsettled
			all[i] = fromFiles(all[i].Run)
			all[i].Unsettled, again = unsettled, true
		}
	}
	if !again {
		return said, nil
	}
	return witnesses(ctx, w, p, here, all, ask)
}

// doubted are those numbers of a run.
func (a *answer) doubted(s *Status) map[int64]bool {
	out := map[int64]bool{}
	for pass := range 2 {
		for i := range s.Tasks {
			t := &s.Tasks[i]
			if !t.Submitted || !t.claimed {
				continue
			}
			if pass == 0 {
				out[t.Job] = true
				continue
			}
			_, queued := a.queued(t)
			_, counted := a.counted(t)
			if queued || counted || t.Start {
				delete(out, t.Job)
			}
		}
	}
	return out
}

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
