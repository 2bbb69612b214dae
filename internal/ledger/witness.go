package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// copied says, on the node, that the run is another job's than mine, or, where
// that is 0, that its submission was given up before mine started. unasked is why
// Slurm could not be asked whether that is so; nil: it was, or need not be.
func copied(r rundir.Run, job, mine int64, unasked error) error {
	message := fmt.Sprintf("run %s is job %d: job %d, a copy of it, stops", r.ID, job, mine)
	switch {
	case job == 0:
		message = fmt.Sprintf("the submission of run %s was given up before job %d started: it stops", r.ID, mine)
	case unasked != nil:
		message = fmt.Sprintf("sbatch said that run %s is job %d, and Slurm could not be asked whether that is so: job %d stops: %v", r.ID, job, mine, unasked)
	}
	return &fault.Error{Kind: fault.Copied, Message: message, Way: "nixbatch status tells what became of the run", Err: unasked}
}

// stranger says, on the node, that this process is not where the run was
// submitted to.
func stranger(message, way string) error {
	return &fault.Error{Kind: fault.Stranger, Message: message, Way: way}
}

// Witness settles, from within a job, which job its call became: the first to
// say so is right. job is what Slurm says of this process; its ID is 0 outside
// of Slurm. An error says that it must not run: of kind Copied or Stranger,
// or that nothing could be written down. Nothing of the run is touched then.
// Where sbatch's answer names another job, q is asked whose that is: see takeOver;
// instead is the number that the answer had then.
func Witness(ctx context.Context, r rundir.Run, t facts.Ticket, job slurm.JobRef, q Submitter, p About) (instead int64, err error) {
	var in facts.Intent
	known, err := durable.ReadIf(IntentFile(r, t.Round), &in)
	if err != nil {
		return 0, fmt.Errorf("intent: %w", err)
	}
	in.Round = t.Round
	switch {
	case in.Local:
		return 0, nil
	case known && job.ID == 0:
		return 0, stranger("run "+r.ID+" was submitted to Slurm, and this is no job of Slurm's: it stops",
			"submit the job file with --local to run it on this machine")
	case job.ID == 0:
		return 0, nil // nobody was told of such a run
	}
	calls := max(t.Calls, 1)
	j, ok, err := Answer(r, facts.Intent{Round: t.Round, Calls: make([]facts.Call, calls)}, t.Call)
	if err != nil {
		return 0, fmt.Errorf("which job the run is cannot be read: %w", err)
	}
	cluster := in.Cluster
	if ok && j.Cluster != "" {
		cluster = j.Cluster // sbatch said so
	}
	if cluster != "" && job.Cluster != "" && cluster != job.Cluster {
		return 0, stranger(fmt.Sprintf("run %s was submitted to cluster %s, and job %d is on cluster %s: it stops", r.ID, cluster, job.ID, job.Cluster),
			"submit the job file there")
	}
	if !ok {
		if !known {
			return 0, nil // submitted by hand: nobody waits for an answer
		}
		if j, err = firstWord(r, t, job, in, p); err != nil {
			return 0, err
		}
	}
	var unasked error
	if known && j.JobID != job.ID && Claimed(j) {
		if j, unasked, err = takeOver(ctx, r, t, job, in, j, q, p); err != nil {
			return 0, fmt.Errorf("this job's id could not be written down: %w", err)
		}
	}
	if j.JobID == job.ID {
		return j.Instead, nil
	}
	why := copied(r, j.JobID, job.ID, unasked)
	leaveCopy(r, job, why, p)
	return 0, why
}

// firstWord writes down that the call became this job, unless it is written
// already what it became.
func firstWord(r rundir.Run, t facts.Ticket, job slurm.JobRef, in facts.Intent, p About) (facts.Job, error) {
	all, calls := CallsOf(in), max(t.Calls, 1)
	if t.Call >= len(all) || calls != len(all) {
		return facts.Job{}, stranger(fmt.Sprintf("the script of job %d is not one that run %s was submitted with: it stops", job.ID, r.ID), "nixbatch status tells what became of the run")
	}
	job.Cluster = in.Cluster
	j := newJob(all[t.Call], job, "start", p.Now())
	var err error
	if calls > 1 {
		_, err = writeAnswer(r, t.Round, t.Call, calls, j)
	} else {
		_, err = writeSubmit(r, p, in, []facts.Job{j})
	}
	if err != nil {
		return j, fmt.Errorf("this job's id could not be written down: %w", err)
	}
	// Somebody may have been quicker: what is written holds, and who wrote it
	// matters.
	first, ok, err := Answer(r, in, t.Call)
	if err == nil && !ok {
		err = errors.New("it is not there")
	}
	if err != nil {
		return j, fmt.Errorf("this job's id was written down, and cannot be read: %w", err)
	}
	return first, nil
}

// leaveCopy notes that a copy came, and stopped. That it stops is what counts.
func leaveCopy(r rundir.Run, job slurm.JobRef, why error, p About) {
	dir := filepath.Join(r.Dir, "copies")
	_ = os.MkdirAll(dir, 0o700)
	_ = durable.Write(filepath.Join(dir, job.String()+".json"), facts.Copy{Schema: facts.CopySchema, RunID: r.ID, JobID: job.ID,
		Cluster: job.Cluster, Time: p.Now().UTC(), Reason: why.Error()})
}
