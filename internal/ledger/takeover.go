package ledger

import (
	"context"
	"errors"
	"fmt"
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
// asks Slurm whose that is; askFor bounds all of it.
var askAgain = []time.Duration{0, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second}

const askFor = 3 * time.Minute

// takeOver is for a job that finds another's number as sbatch's answer. Where
// that is no job of this call, and never was, this one is: it says so, and the
// first of all that do is right. Else it is a copy. What cannot be asked is told
// in unasked, and the answer stands.
func takeOver(ctx context.Context, r rundir.Run, t facts.Ticket, job slurm.JobRef, in facts.Intent, claim facts.Job, q Submitter, p About) (j facts.Job, unasked, err error) {
	all := CallsOf(in)
	if t.Call >= len(all) || max(t.Calls, 1) != len(all) || proven(r, t, all[t.Call], claim) {
		return claim, nil, nil
	}
	copies, err := copiesOf(r)
	if err != nil {
		return claim, nil, fmt.Errorf("whether this job stopped before cannot be read: %w", err)
	}
	if slices.Contains(copies, job.ID) {
		return claim, nil, nil // it stopped as a copy before, and was requeued
	}
	var s facts.Submit
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
		if who, _, unasked = look(ctx, q, want, token(r, t.Round, t.Call, len(all))); unasked == nil || slurm.Missing(unasked) {
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
// somebody saw it there, it was told to end, or the call's work was begun. A file
// that is there and cannot be read may be the one that does: nothing is taken over
// then.
func proven(r rundir.Run, t facts.Ticket, c facts.Call, claim facts.Job) bool {
	if there, err := durable.There(seenFile(r, claim.JobID)); there || err != nil {
		return true
	}
	for n := 0; ; n++ {
		var told facts.Cancel
		there, err := durable.ReadIf(CancelFile(r, n), &told)
		if err != nil {
			return true
		}
		if !there {
			break
		}
		id := strconv.FormatInt(claim.JobID, 10)
		if slices.ContainsFunc(told.Jobs, func(s string) bool { return s == id || strings.HasPrefix(s, id+"_") }) {
			return true
		}
	}
	return slices.ContainsFunc(TasksOf(c), func(task int) bool {
		entries, err := durable.List(r.TaskDir(task))
		return err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool {
			n, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "attempt-"))
			return err == nil && n >= t.Attempt
		})
	})
}
