package ledger

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// askAgain are the pauses before a job that found another's number in its place
// asks Slurm whose that is; askFor bounds all of it. A program that is not there
// is asked for again, too: it may lie on a file system that is away for a moment,
// and who gives up at once loses the run.
var askAgain = []time.Duration{0, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second}

const askFor = 3 * time.Minute

// takeOver is for a job that finds another's number as sbatch's answer. Where
// that is no job of this call, and never was, this one is: it says so, and the
// first of all that do is right. Else it is a copy. What cannot be asked is told
// in unasked, and the answer stands.
func takeOver(ctx context.Context, r rundir.Run, t facts.Ticket, job slurm.JobRef, in facts.Intent, claim facts.Job, q Submitter, p About) (j facts.Job, unasked, err error) {
	all := CallsOf(in)
	if t.Call >= len(all) || max(t.Calls, 1) != len(all) {
		return claim, nil, nil
	}
	is, err := proven(r, t, all[t.Call], claim)
	if err != nil || is {
		return claim, nil, err
	}
	before, err := stopped(r)
	if err != nil || slices.Contains(before, job.ID) {
		return claim, nil, err // it stopped as a copy before, and was requeued
	}
	var s facts.Submit // where nobody has written it, the other marks tell
	if _, err := durable.ReadIf(SubmitFile(r, t.Round), &s); err != nil {
		return claim, nil, err
	}
	want := Wanted(r, claim, s.Priv)
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	var who whose
	for _, pause := range askAgain {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return claim, errors.Join(unasked, ctx.Err()), nil
		}
		if who, _, unasked = look(ctx, q, want, token(r, t.Round, t.Call, len(all))); unasked == nil {
			break
		}
	}
	if unasked != nil || who == ours {
		return claim, unasked, nil
	}
	job.Cluster = in.Cluster
	j, err = correct(r, in, t.Call, claim, newJob(all[t.Call], job, "start", p.Now()))
	return j, nil, err
}

// proven reports whether the run's files show that the claimed job was the run's:
// somebody saw it there, it was told to end, or the call's work was begun.
func proven(r rundir.Run, t facts.Ticket, c facts.Call, claim facts.Job) (bool, error) {
	if there, err := durable.There(seenFile(r, claim.JobID)); there || err != nil {
		return there, err
	}
	id := strconv.FormatInt(claim.JobID, 10)
	for n := 0; ; n++ {
		var told facts.Cancel
		there, err := durable.ReadIf(CancelFile(r, n), &told)
		if err != nil {
			return false, err
		}
		if !there {
			break
		}
		if slices.ContainsFunc(told.Jobs, func(s string) bool { return s == id || strings.HasPrefix(s, id+"_") }) {
			return true, nil
		}
	}
	for _, task := range TasksOf(c) {
		entries, err := durable.List(r.TaskDir(task))
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(entries, func(e os.DirEntry) bool {
			n, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "attempt-"))
			return err == nil && n >= t.Attempt
		}) {
			return true, nil
		}
	}
	return false, nil
}
