package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
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
		err := durable.Read(r.SubmitFile(), &first)
		return first, err == nil, nil
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
	if durable.Read(SubmitFile(r, in.Round), &s) == nil {
		return s, true, nil
	}
	if in.Local {
		s.Local = true
		return s, false, nil
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
	if durable.Read(SubmitFile(r, in.Round), &s) == nil {
		return s, true, nil
	}
	calls := CallsOf(in)
	jobs := make([]facts.Job, len(calls))
	for i, c := range calls {
		if jobs[i], ok = Answer(r, in, i); ok {
			continue
		}
		var st facts.Start
		if in.Round == 0 && len(calls) == 1 && durable.Read(r.StartFile(0, 0), &st) == nil && st.JobID != 0 {
			jobs[i] = newJob(c, slurm.JobID{ID: st.JobID}, "start", p.Now())
			continue
		}
		found, err := q.FindByComment(ctx, token(r, in.Round, i, len(calls)))
		if err != nil {
			return s, false, err
		}
		age := p.Now().Sub(in.Time)
		switch {
		case len(found) > 0:
			jobs[i] = newJob(c, found[0], "queue", p.Now())
		case sure && age > settleAfter, age > inFlight:
			jobs[i] = newJob(c, slurm.JobID{}, "none", p.Now())
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

// Witness settles, from within job id, which job its call became: the first to
// say so is right. An error says that this job must not run: its call was found
// to have no job, or another one.
func Witness(r rundir.Run, t facts.Ticket, id int64, p About) error {
	calls := max(t.Calls, 1)
	j, ok := Answer(r, facts.Intent{Round: t.Round, Calls: make([]facts.Call, calls)}, t.Call)
	if !ok {
		var in facts.Intent
		if err := durable.Read(IntentFile(r, t.Round), &in); err != nil {
			return nil // submitted by hand: nobody waits for an answer
		}
		in.Round = t.Round
		all := CallsOf(in)
		if t.Call >= len(all) || calls != len(all) {
			return fault.New("this job's script is not of this run's submission", "submit the run again")
		}
		j = newJob(all[t.Call], slurm.JobID{ID: id}, "start", p.Now())
		var err error
		if calls > 1 {
			j, err = writeAnswer(r, t.Round, t.Call, calls, j)
		} else {
			var s facts.Submit
			s, err = writeSubmit(r, p, in, []facts.Job{j})
			j.JobID = s.JobID
		}
		if err != nil {
			return fmt.Errorf("this job's id could not be written down: %w", err)
		}
	}
	switch j.JobID {
	case id:
		return nil
	case 0:
		return fault.New("this job's submission was given up before it started: it stops", "nixbatch status tells what became of the run")
	}
	return fault.New(fmt.Sprintf("run %s is job %d: job %d, a copy of it, stops", r.ID, j.JobID, id), "nixbatch status tells what became of the run")
}
