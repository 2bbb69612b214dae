package runs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/slurm"
)

// Submitter is what submitting asks of Slurm.
type Submitter interface {
	Submit(ctx context.Context, script []byte, args ...string) (slurm.JobID, error)
	FindByComment(ctx context.Context, token string) ([]slurm.JobID, error)
}

// UncertainError says that it is not known whether a job is in the queue.
type UncertainError struct {
	RunID string
	Err   error
}

func (e *UncertainError) Error() string {
	return fmt.Sprintf("it is not known whether run %s is in the queue: %v", e.RunID, e.Err)
}

func (e *UncertainError) Unwrap() error { return e.Err }

// Hint is the way out.
func (e *UncertainError) Hint() string {
	return "nixbatch status asks Slurm again; do not submit a second time before it knows"
}

// RefusedError says that Slurm will not take the job as it is.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "slurm refused the job: " + refusal(e.Err) }
func (e *RefusedError) Unwrap() error { return e.Err }

func refusal(err error) string {
	var se *slurm.SubmitError
	if errors.As(err, &se) && se.Line != "" {
		return se.Line
	}
	return err.Error()
}

// Hint is the way out.
func (e *RefusedError) Hint() string {
	var h interface{ Hint() string }
	if errors.As(e.Err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	return "change the slurm: block of the job file; nothing was submitted"
}

// Token is what travels in the job's comment, so that a job can be found again
// by whoever does not know its id.
func (r Run) Token() string { return "nixbatch:" + r.ID }

// Submit hands the run to Slurm once. The intent is on disk before; an answer
// that does not say whether the job was taken is settled by looking for the
// run's token. A *RefusedError leaves no run directory; an *UncertainError
// leaves one that a later Settle can finish. ctx ends the waiting for Slurm,
// not the bookkeeping.
func (r Run) Submit(ctx context.Context, q Submitter, p Facts) (record.Submit, error) {
	if err := ctx.Err(); err != nil {
		return record.Submit{}, errors.Join(err, os.RemoveAll(r.Dir))
	}
	if err := r.writeIntent(p, false); err != nil {
		return record.Submit{}, errors.Join(err, os.RemoveAll(r.Dir))
	}
	script, err := os.ReadFile(r.ScriptFile())
	if err != nil {
		return record.Submit{}, fmt.Errorf("batch script: %w", err)
	}
	// From here to the job id an interrupt must not cut in: the job may be in
	// the queue already.
	ctx = context.WithoutCancel(ctx)
	id, err := q.Submit(ctx, script, "--comment="+r.Token())
	how := "sbatch"
	if err != nil {
		var se *slurm.SubmitError
		if errors.As(err, &se) && se.Permanent {
			return record.Submit{}, errors.Join(&RefusedError{err}, os.RemoveAll(r.Dir))
		}
		found, ferr := q.FindByComment(ctx, r.Token())
		if len(found) == 0 {
			return record.Submit{}, &UncertainError{r.ID, errors.Join(err, ferr)}
		}
		id, how = found[0], "queue"
	}
	return r.writeSubmit(p, id, how)
}

// Facts is what is recorded about a submission beside the plan.
type Facts struct {
	Tool    record.Tool
	WorkDir string
	Job     string // SHA-256 of the job file
	Now     func() time.Time
}

// Local marks the run as one that needs no Slurm.
func (r Run) Local(p Facts) (record.Submit, error) {
	if err := r.writeIntent(p, true); err != nil {
		return record.Submit{}, errors.Join(err, os.RemoveAll(r.Dir))
	}
	s := r.submitFact(p)
	s.Local, s.How = true, "local"
	return s, record.Write(r.SubmitFile(), s)
}

func (r Run) writeIntent(p Facts, local bool) error {
	err := record.Write(r.IntentFile(), record.Intent{
		Schema: record.IntentSchema, RunID: r.ID, Token: r.Token(), Time: p.Now().UTC(), Local: local, Tool: p.Tool,
	})
	if err != nil {
		return fmt.Errorf("intent: %w", err)
	}
	return record.SyncDir(filepath.Dir(r.Dir))
}

func (r Run) submitFact(p Facts) record.Submit {
	s := record.Submit{
		Schema: record.SubmitSchema, RunID: r.ID, Time: p.Now().UTC(), Job: p.Job, Tool: p.Tool,
		Priv: record.SubmitPerson{Dir: p.WorkDir},
	}
	if script, err := os.ReadFile(r.ScriptFile()); err == nil {
		s.Script = record.HashBytes(script)
	}
	s.Priv.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		s.Priv.User = u.Username
	}
	return s
}

func (r Run) writeSubmit(p Facts, id slurm.JobID, how string) (record.Submit, error) {
	s := r.submitFact(p)
	s.JobID, s.Cluster, s.How = id.ID, id.Cluster, how
	err := record.Write(r.SubmitFile(), s)
	if errors.Is(err, record.ErrExists) {
		err = record.Read(r.SubmitFile(), &s)
	}
	if err != nil {
		return s, fmt.Errorf("job %d is submitted, but that could not be written down: %w", id.ID, err)
	}
	return s, nil
}

// Settle finishes what an interrupted or uncertain submission began: the job's
// own start file or Slurm says which job it is. Nothing is submitted. ok says
// whether the job id is known now.
func (r Run) Settle(ctx context.Context, q Submitter, p Facts) (record.Submit, bool, error) {
	var s record.Submit
	if err := record.Read(r.SubmitFile(), &s); err == nil {
		return s, true, nil
	}
	var in record.Intent
	if err := record.Read(r.IntentFile(), &in); err != nil {
		return s, false, nil // interrupted before sbatch was called
	}
	var st record.Start
	if err := record.Read(r.StartFile(0, 0), &st); err == nil && st.JobID != 0 {
		s, err = r.writeSubmit(p, slurm.JobID{ID: st.JobID}, "start")
		return s, err == nil, err
	}
	found, err := q.FindByComment(ctx, r.Token())
	if err != nil || len(found) == 0 {
		return s, false, err
	}
	s, err = r.writeSubmit(p, found[0], "queue")
	return s, err == nil, err
}
