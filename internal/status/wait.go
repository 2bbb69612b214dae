package status

import (
	"context"
	"os"
	"time"

	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// How often waiting looks: at the run's own files, which cost Slurm nothing,
// and at Slurm, ever less often.
const (
	lookFiles   = 50 * time.Millisecond
	askSlurm    = 500 * time.Millisecond
	askSlurmMax = 15 * time.Second
)

// Wait follows a run until its state is final, and tells changed every state
// that differs from the one before. An error of Slurm's is told to trouble and
// asked again; only the end of ctx ends the waiting early.
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
	for {
		if !ended && !(sweep && task < 0) {
			if attempt, ok := lastAttempt(r, one); ok && fileThere(r.EndFile(one, attempt)) {
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

func (s *Status) taskOver(task int) bool {
	for _, t := range s.Tasks {
		if t.Task == task {
			return t.State.Final()
		}
	}
	return false
}

func fileThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
