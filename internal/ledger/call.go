package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// call makes one call of sbatch. The error is a *RefusedError, a
// *NotTakenError or an *UncertainError.
func call(ctx context.Context, r rundir.Run, q Submitter, p About, lock *submitLock, in facts.Intent, i int, script []byte, before []facts.Job) (facts.Job, error) {
	calls := CallsOf(in)
	c, args := calls[i], arguments(r, in, i, script, before)
	own := make(chan bool, 1)
	go func() { own <- q.OwnSubmit() }() // it reads a file, while sbatch is at work
	id, err := q.Submit(ctx, script, args...)
	if err == nil {
		if id.Cluster == "" {
			id.Cluster = in.Cluster
		}
		var j facts.Job
		if j, err = believed(ctx, r, q, p, in, i, id, <-own); err == nil {
			return j, nil
		}
	}
	var se *slurm.SubmitError
	if errors.As(err, &se) && se.Permanent {
		return refusedCall(ctx, r, q, p, in, i, err)
	}
	// An sbatch that still runs, behind a wrapper that was killed, holds the lock.
	lock.release()
	again, sure, lerr := lockSubmit(r)
	*lock = again
	if lerr != nil {
		return facts.Job{}, &UncertainError{r.ID, errors.Join(err, lerr)}
	}
	var ferr error
	for n, pause := range lookAgain {
		time.Sleep(pause)
		var found []slurm.JobRef
		if found, ferr = q.FindMarked(ctx, marksOf(r, in, i)); len(found) > 0 {
			return foundJob(c, live(r, found), in.Cluster, p.Now()), nil
		}
		if ferr != nil && n > 0 {
			break // Slurm does not answer: the next command asks it again
		}
	}
	if ferr != nil || !sure {
		return facts.Job{}, &UncertainError{r.ID, errors.Join(err, ferr)}
	}
	// The answer decides, also for a job that turns up later: it would stop. One
	// that started meanwhile has answered before us.
	j := newJob(c, slurm.JobRef{Cluster: in.Cluster}, "none", p.Now())
	if len(calls) > 1 {
		if j, werr := writeAnswer(r, in.Round, i, len(calls), j); werr == nil && j.JobID != 0 {
			return j, nil
		}
	}
	return j, &NotTakenError{r.ID, err}
}

// arguments are those of a call of sbatch.
func arguments(r rundir.Run, in facts.Intent, i int, script []byte, before []facts.Job) []string {
	calls := CallsOf(in)
	c := calls[i]
	args := []string{"--comment=" + comment(r, token(r, in.Round, i, len(calls)))}
	if o := outputOption(script); o != "" {
		args = append(args, o)
	}
	asked := c.Asked()
	if c.Behind > 0 && before[c.Behind-1].JobID != 0 {
		asked = asked.After("afterany", strconv.FormatInt(before[c.Behind-1].JobID, 10))
	}
	args = append(args, facts.Arguments(asked)...)
	if c.Array != "" {
		array := "--array=" + c.Array
		if c.Limit > 0 {
			array += fmt.Sprintf("%%%d", c.Limit)
		}
		args = append(args, array)
	}
	return args
}

// believed is the job that sbatch named in one whole line. Slurm's own sbatch is
// believed at once; of what stands in its place Slurm is asked first. Where that
// cannot be asked, the number is written down as a claim.
func believed(ctx context.Context, r rundir.Run, q Submitter, p About, in facts.Intent, i int, id slurm.JobRef, own bool) (facts.Job, error) {
	c := CallsOf(in)[i]
	j := newJob(c, id, "sbatch", p.Now())
	if own || id.Cluster != in.Cluster {
		return j, nil
	}
	who, ref, err := look(ctx, q, Wanted(r, j, submitter(p)), token(r, in.Round, i, len(CallsOf(in))))
	switch {
	case err != nil:
		j.Unconfirmed = true
		return j, nil
	case who == ours:
		return newJob(c, ref, "queue", p.Now()), nil
	}
	word := "Slurm has no such job"
	if who == anothers {
		word = "that is another job"
	}
	return j, &slurm.SubmitError{Ambiguous: true, Line: fmt.Sprintf("sbatch answered %d, and %s", id.ID, word), Err: errors.New("a wrong job id from sbatch")}
}

// refusedCall is a call of which sbatch says that it was refused: a wrapper may
// say so of a job that Slurm took, which is then in the queue already.
func refusedCall(ctx context.Context, r rundir.Run, q Submitter, p About, in facts.Intent, i int, err error) (facts.Job, error) {
	if slurm.Missing(err) {
		return facts.Job{}, &RefusedError{err} // there is no sbatch
	}
	found, ferr := q.FindMarked(ctx, marksOf(r, in, i))
	switch {
	case len(found) > 0:
		return foundJob(CallsOf(in)[i], live(r, found), in.Cluster, p.Now()), nil
	case ferr != nil:
		return facts.Job{}, &UncertainError{r.ID, errors.Join(err, ferr)}
	}
	return facts.Job{}, &RefusedError{err}
}

// lookAgain are the pauses before a job is looked for whose submission said
// neither yes nor no: slurmctld may be late, but not for long.
var lookAgain = []time.Duration{0, 300 * time.Millisecond, 700 * time.Millisecond, 2 * time.Second}

func newJob(c facts.Call, id slurm.JobRef, how string, now time.Time) facts.Job {
	j := facts.Job{Schema: facts.CallSchema, JobID: id.ID, Cluster: id.Cluster, Submitted: id.Submitted, How: how, Time: now.UTC(), Call: c}
	if ts := TasksOf(c); len(ts) > 0 {
		j.First = ts[0]
	}
	return j
}

// foundJob is a call whose token jobs of the queue carry. One of them is the
// run's; which, the first to start may still decide.
func foundJob(c facts.Call, found []slurm.JobRef, cluster string, now time.Time) facts.Job {
	found[0].Cluster = cluster
	j := newJob(c, found[0], "queue", now)
	for _, more := range found[1:] {
		j.Copies = append(j.Copies, more.ID)
	}
	return j
}

// writeAnswer settles the fate of one of several calls; what was written before
// holds, and is returned.
func writeAnswer(r rundir.Run, round, call, calls int, j facts.Job) (facts.Job, error) {
	file := answerFile(r, round, call, calls)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return j, err
	}
	err := durable.Write(file, j)
	if errors.Is(err, durable.ErrExists) {
		err = durable.Read(file, &j)
	}
	return j, err
}
