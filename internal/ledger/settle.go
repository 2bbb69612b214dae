package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// inFlight is how long after the intent a submission may still reach the queue
// where no lock tells whether its sbatch still runs: sbatch is ended after a
// minute, and slurmctld gives a request up after MessageTimeout (slurm.conf(5):
// 10 seconds, 100 at the most that is advised). It is below MinJobAge (300
// seconds), for which squeue remembers a job that is over.
const inFlight = 4 * time.Minute

// settleAfter is how old an intent has to be before "Slurm has no such job" is
// believed: a request that was sent before its sender was killed may still lie
// with slurmctld. A job that comes later all the same finds its answer and
// stops before its payload.
const settleAfter = 3 * time.Second

// Settle finishes what an interrupted or uncertain submission began, in all of
// the run's rounds: the job's own word or Slurm says which job it is, or that
// there is none. Nothing is submitted. ok says whether everything is known now;
// the Submit is the first round's.
func Settle(ctx context.Context, r rundir.Run, q Submitter, p About) (facts.Submit, bool, error) {
	var first facts.Submit
	ins, err := Intents(r)
	if err != nil {
		return first, false, err
	}
	if len(ins) == 0 {
		// A run of which nobody was told; its submit.json, if any, is a copy's.
		there, err := durable.ReadIf(r.SubmitFile(), &first)
		return first, there && err == nil, err
	}
	all := true
	var errs []error
	for _, in := range ins {
		s, ok, err := settleRound(ctx, r, q, p, in)
		if in.Round == 0 {
			first = s
		}
		all = all && ok
		if err != nil {
			errs = append(errs, err)
		}
	}
	return first, all, errors.Join(errs...)
}

func settleRound(ctx context.Context, r rundir.Run, q Submitter, p About, in facts.Intent) (s facts.Submit, ok bool, err error) {
	if there, err := durable.ReadIf(SubmitFile(r, in.Round), &s); there || err != nil {
		return s, err == nil, err
	}
	if in.Local {
		s.Local = true
		return s, false, nil
	}
	if err := Here(ctx, r, q, in.Cluster); err != nil {
		return s, false, err // another cluster's word settles nothing
	}
	lock, sure, err := lockSubmit(r)
	if errors.Is(err, errBusy) {
		return s, false, nil
	}
	if err != nil && !errors.Is(err, os.ErrPermission) {
		return s, false, err
	}
	defer lock.release()
	// It may have been written between our look and our lock.
	if there, err := durable.ReadIf(SubmitFile(r, in.Round), &s); there || err != nil {
		return s, err == nil, err
	}
	calls := CallsOf(in)
	jobs := make([]facts.Job, len(calls))
	for i, c := range calls {
		if jobs[i], ok, err = Answer(r, in, i); err != nil {
			return s, false, err
		} else if ok {
			continue
		}
		if in.Round == 0 && len(calls) == 1 {
			var st facts.Start
			if _, err := durable.ReadIf(r.StartFile(0, 0), &st); err != nil {
				return s, false, err
			}
			if st.JobID != 0 {
				jobs[i] = newJob(c, slurm.JobRef{ID: st.JobID, Cluster: in.Cluster}, "start", p.Now())
				continue
			}
		}
		found, err := q.FindMarked(ctx, marksOf(r, in, i))
		if err != nil {
			return s, false, err
		}
		age := p.Now().Sub(in.Time)
		switch {
		case len(found) > 0:
			jobs[i] = foundJob(c, live(r, found), in.Cluster, p.Now())
		case sure && age > settleAfter, age > inFlight:
			jobs[i] = newJob(c, slurm.JobRef{Cluster: in.Cluster}, "none", p.Now())
		default:
			return s, false, nil
		}
		if len(calls) > 1 {
			if jobs[i], err = writeAnswer(r, in.Round, i, len(calls), jobs[i]); err != nil {
				return s, false, fmt.Errorf("answer: %w", err)
			}
		}
	}
	s, err = writeSubmit(r, p, in, jobs)
	return s, err == nil, err
}
