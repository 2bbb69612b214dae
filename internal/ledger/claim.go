package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// What sbatch answers is first of all a claim: a number that nothing but its word
// ties to the run. The job itself, where it finds another's number in its place,
// and whoever looks and finds no such job of the run, correct it: once, by
// calls/ROUND-CALL-corrected.json, which link(2) lets exactly one of them write.
// submit.json is brought in line with it afterwards.

func correctedFile(r rundir.Run, round, call int) string {
	return filepath.Join(r.Dir, "calls", fmt.Sprintf("%d-%d-corrected.json", round, call))
}

// Claimed reports whether a job's number rests on sbatch's word alone.
func Claimed(j facts.Job) bool { return j.How == "sbatch" && j.JobID != 0 && j.Submitted.IsZero() }

// corrected is what a claim was corrected to, else the claim.
func corrected(r rundir.Run, round, call int, j facts.Job) (facts.Job, error) {
	if !Claimed(j) {
		return j, nil
	}
	var c facts.Job
	file := correctedFile(r, round, call)
	there, err := durable.ReadIf(file, &c)
	if err == nil && there {
		err = whole(filepath.Base(file), c, true)
	}
	if err != nil || !there {
		return j, unread(err)
	}
	return c, nil
}

// correct replaces a claim, unless somebody was quicker; what holds is returned.
func correct(r rundir.Run, in facts.Intent, call int, was, is facts.Job) (facts.Job, error) {
	is.Instead = was.JobID
	file := correctedFile(r, in.Round, call)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return was, err
	}
	err := durable.Write(file, is)
	if errors.Is(err, durable.ErrExists) {
		err = durable.Read(file, &is)
	}
	if err != nil {
		return was, fmt.Errorf("correction: %w", err)
	}
	return is, bringInLine(r, in)
}

// bringInLine makes submit.json say what the corrections of its calls do. Who
// writes either looks for the other afterwards, so that none is missed; that they
// do so twice changes nothing.
func bringInLine(r rundir.Run, in facts.Intent) error {
	file := SubmitFile(r, in.Round)
	var s facts.Submit
	there, err := durable.ReadIf(file, &s)
	if err != nil || !there {
		return err
	}
	if sealed, err := durable.There(r.SealFile()); err != nil || sealed {
		return err // what is sealed stays; Answer tells
	}
	jobs, changed := s.Jobs, false
	if len(jobs) == 0 {
		return nil // an older nixbatch's
	}
	for c := range jobs {
		j, err := corrected(r, in.Round, c, jobs[c])
		if err != nil {
			return err
		}
		changed = changed || j.JobID != jobs[c].JobID || j.How != jobs[c].How
		jobs[c] = j
	}
	if !changed {
		return nil
	}
	setJobs(&s, jobs)
	return durable.Rewrite(file, s)
}

// look asks Slurm whose a number is. The job of the run's other calls is another.
func look(ctx context.Context, q Submitter, w slurm.Wanted, call string) (whose, slurm.JobRef, error) {
	ids := slurm.Query{IDs: []string{w.String()}, Since: w.Since.Add(-time.Hour)}
	jobs, err := q.Queue(ctx, ids)
	if err == nil {
		err = q.Unclear(ctx, jobs, w)
	}
	if err != nil {
		return nobodys, w.JobRef, err
	}
	for _, j := range jobs {
		if j.Array == w.ID && w.Called(call, j.Sight()) {
			return ours, slurm.JobRef{Cluster: w.Cluster, ID: w.ID, Submitted: j.Submit, User: j.User}, nil
		}
	}
	if len(jobs) > 0 {
		return anothers, w.JobRef, nil
	}
	acct, err := q.Accounting(ctx, ids)
	if err != nil && !errors.Is(err, slurm.ErrNoAccounting) {
		return nobodys, w.JobRef, err
	}
	for _, j := range acct {
		if j.Array == w.ID && w.Called(call, j.Sight()) {
			return ours, slurm.JobRef{Cluster: w.Cluster, ID: w.ID, Submitted: j.Submit, User: j.User}, nil
		}
	}
	if len(acct) > 0 {
		return anothers, w.JobRef, nil
	}
	return nobodys, w.JobRef, nil
}

// Correct looks for the jobs of the calls whose claim is doubted, and corrects
// what is found. Where Slurm shows the number
// as another's job, and for certain none of the run's, that is written down too; a
// number that nobody could confirm counts no more than no answer (see Settle).
func Correct(ctx context.Context, r rundir.Run, q Submitter, p About, doubted func(job int64) bool) error {
	ins, err := Intents(r)
	if err != nil {
		return err
	}
	for _, in := range ins {
		for c, call := range CallsOf(in) {
			j, ok, err := Answer(r, in, c)
			if err != nil {
				return err
			}
			if !ok || !Claimed(j) || !doubted(j.JobID) {
				continue
			}
			if sure, err := proven(r, facts.TicketOf(in, c), call, j); err != nil {
				return unread(err)
			} else if sure {
				continue
			}
			is, ok, err := found(ctx, r, q, p, in, c, j)
			if err == nil && ok {
				_, err = correct(r, in, c, j, is)
				err = unread(err)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// free reports whether no sbatch of a submission is left.
func free(r rundir.Run) bool {
	lock, sure, err := lockSubmit(r)
	lock.release()
	return err == nil && sure
}

// found is the job that a call with a doubted claim really became.
func found(ctx context.Context, r rundir.Run, q Submitter, p About, in facts.Intent, call int, claim facts.Job) (j facts.Job, ok bool, err error) {
	all, err := q.FindMarked(ctx, marksOf(r, in, call))
	if err != nil {
		return j, false, err
	}
	c := CallsOf(in)[call]
	if all = live(r, all); len(all) > 0 {
		j = foundJob(c, all, in.Cluster, p.Now())
		return j, j.JobID != claim.JobID, nil
	}
	if age := p.Now().Sub(in.Time); claim.Unconfirmed && age > settleAfter && free(r) {
		return newJob(c, slurm.JobRef{Cluster: in.Cluster}, "none", p.Now()), true, nil
	} else if age < inFlight {
		return j, false, nil
	}
	var s facts.Submit // where nobody has written it, the other marks tell
	if _, err := durable.ReadIf(SubmitFile(r, in.Round), &s); err != nil {
		return j, false, unread(err)
	}
	who, _, err := look(ctx, q, Wanted(r, claim, s.Priv), token(r, in.Round, call, len(CallsOf(in))))
	if err != nil || who != anothers {
		return j, false, err // the number may be right, and its job forgotten
	}
	return newJob(c, slurm.JobRef{Cluster: in.Cluster}, "none", p.Now()), true, nil
}
