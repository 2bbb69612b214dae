package ledger

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// Here makes sure that Slurm's commands speak to the cluster that a run was
// submitted to; else the error is a *slurm.ElsewhereError. A run of an older
// nixbatch does not tell its cluster.
func Here(ctx context.Context, r rundir.Run, q Submitter, cluster string) error {
	if cluster == "" {
		return nil
	}
	here, err := q.Cluster(ctx)
	if err != nil {
		return err
	}
	if here != cluster {
		return &slurm.ElsewhereError{What: "run " + r.ID, Cluster: cluster, Here: here}
	}
	return nil
}

// onCluster notes which cluster is about to be asked; a further round goes to
// that of the first.
func onCluster(ctx context.Context, r rundir.Run, q Submitter, in *facts.Intent) error {
	if in.Round > 0 {
		var first facts.Intent
		if err := durable.Read(IntentFile(r, 0), &first); err != nil {
			return fmt.Errorf("intent: %w", err)
		}
		if err := Here(ctx, r, q, first.Cluster); err != nil {
			return err
		}
	}
	here, err := q.Cluster(ctx)
	if err != nil {
		return &SlurmError{Err: err}
	}
	in.Cluster = here
	return nil
}

// Wanted is a job of the run, with all that tells it from others. who submitted
// it, and from where.
func Wanted(r rundir.Run, j facts.Job, who facts.SubmitPerson) slurm.Wanted {
	w := slurm.Wanted{JobRef: slurm.JobRef{Cluster: j.Cluster, ID: j.JobID, Submitted: j.Submitted, User: who.User},
		Task: -1, Token: Token(r), Output: output(r), Dir: who.Dir, Name: r.Name(), Since: j.Time}
	var seen facts.Seen
	if j.JobID != 0 && w.Submitted.IsZero() && durable.Read(seenFile(r, j.JobID), &seen) == nil && seen.Cluster == j.Cluster {
		w.Submitted = seen.Submitted
	}
	return w
}

func seenFile(r rundir.Run, job int64) string {
	return filepath.Join(r.Dir, "seen", fmt.Sprintf("%d.json", job))
}

// Seen keeps when Slurm says that a job of the run was submitted, the first time
// that it is seen: by then its token tells it. What cannot be written is seen
// again.
func Seen(r rundir.Run, w slurm.Wanted, submitted, now time.Time) {
	if !w.Submitted.IsZero() || submitted.IsZero() {
		return
	}
	_ = os.MkdirAll(filepath.Dir(seenFile(r, w.ID)), 0o700)
	_ = durable.Replace(seenFile(r, w.ID), facts.Seen{Schema: facts.SeenSchema, RunID: r.ID, JobID: w.ID, Cluster: w.Cluster, Submitted: submitted.UTC(), Time: now.UTC()})
}
