package status

import (
	"context"
	"fmt"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
)

// How often waiting looks: at the run's own files, which cost Slurm nothing,
// and at Slurm, ever less often.
const (
	lookFiles   = 50 * time.Millisecond
	askSlurm    = 500 * time.Millisecond
	askSlurmMax = 15 * time.Second
)

// How long waiting bears with a state that is not known: where Slurm answers and
// has no such job, which its accounting may still have to learn of, and where it
// does not answer at all.
const (
	patience       = 2 * time.Minute
	patienceSilent = 30 * time.Minute
)

// Wait follows a run until its state is final, and tells changed every state
// that differs from the one before. An error of Slurm's is told to trouble and
// asked again. The end of ctx ends the waiting early, and so does a state that
// stays unknown: for two minutes where Slurm answers, for half an hour where it
// does not (*ledger.UncertainError).
func Wait(ctx context.Context, w Watcher, r rundir.Run, p ledger.About, changed func(Status), trouble func(error)) (Status, error) {
	return WaitTask(ctx, w, r, -1, p, changed, trouble)
}

// WaitTask is Wait for one task of a sweep: it returns when that task is over.
// -1 is the whole run.
func WaitTask(ctx context.Context, w Watcher, r rundir.Run, task int, p ledger.About, changed func(Status), trouble func(error)) (Status, error) {
	tick := time.NewTicker(lookFiles)
	defer tick.Stop()
	var last Status
	pause, ended := askSlurm, false
	next := time.Now()
	one := max(task, 0)
	sweep := false
	var lost time.Time // since when nothing is known, by p's clock
	for {
		if !ended && !(sweep && task < 0) {
			if hasEnd(r, one) {
				// The task is over: Slurm's word on it is due now.
				ended, next, pause = true, time.Now(), askSlurm/5
			}
		}
		if !time.Now().Before(next) {
			p.MaxAge = pause / 2
			all, err := States(ctx, w, []rundir.Run{r}, p)
			if ctx.Err() != nil {
				return last, ctx.Err()
			}
			if err != nil && trouble != nil {
				trouble(err)
			}
			s := all[0]
			sweep = s.Sweep()
			if changed != nil && (s.State != last.State || s.Reason != last.Reason) {
				changed(s)
			}
			last = s
			if s.Over() || task >= 0 && s.taskOver(task) {
				last.Load()
				return last, nil
			}
			if s.State != slurm.Unknown {
				lost = time.Time{}
			} else if lost.IsZero() {
				lost = p.Now()
			} else if bears := patienceOf(err); p.Now().Sub(lost) > bears {
				last.Load()
				return last, &ledger.UncertainError{RunID: r.ID, Err: fmt.Errorf("nothing is known of it for %d minutes, and it is waited for no longer%s", int(bears/time.Minute), text.Because(s.Reason))}
			}
			next = time.Now().Add(pause)
			pause = min(pause*5/4, askSlurmMax)
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-tick.C:
		}
	}
}

func patienceOf(err error) time.Duration {
	if err != nil {
		return patienceSilent
	}
	return patience
}

func (s *Status) taskOver(task int) bool {
	for _, t := range s.Tasks {
		if t.Task == task {
			return t.State.Final()
		}
	}
	return false
}

// hasEnd reports whether a task's last attempt left an end. What cannot be read is
// told by States, which is asked all the same.
func hasEnd(r rundir.Run, task int) bool {
	attempt, ok, err := lastAttempt(r, task)
	if !ok || err != nil {
		return false
	}
	there, err := durable.There(r.EndFile(task, attempt))
	return there && err == nil
}
