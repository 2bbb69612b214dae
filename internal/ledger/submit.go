package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/git"
	"github.com/nixbatch/nixbatch/internal/interrupt"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Submitter is what submitting asks of Slurm.
type Submitter interface {
	// Cluster is the name of the cluster that is spoken to.
	Cluster(ctx context.Context) (string, error)
	Submit(ctx context.Context, script []byte, args ...string) (slurm.JobRef, error)
	// OwnSubmit reports whether sbatch is Slurm's own, whose answer is believed.
	OwnSubmit() bool
	FindMarked(ctx context.Context, m slurm.Marks) ([]slurm.JobRef, error)
	Queue(ctx context.Context, q slurm.Query) ([]slurm.Job, error)
	Unclear(ctx context.Context, jobs []slurm.Job, wants ...slurm.Wanted) error
	Accounting(ctx context.Context, q slurm.Query) ([]slurm.AcctJob, error)
}

// UncertainError says that it is not known whether a job is in the queue.
type UncertainError struct {
	RunID string
	Err   error
}

func (e *UncertainError) Error() string {
	return fmt.Sprintf("it is not known whether run %s is in the queue: %v", e.RunID, e.Err)
}

func (e *UncertainError) Unwrap() error    { return e.Err }
func (e *UncertainError) Kind() fault.Kind { return fault.Unsure }

// Hint is the way out.
func (e *UncertainError) Hint() string {
	var none *NoSlurmError
	if errors.As(e.Err, &none) {
		return none.Hint()
	}
	var files *UnreadError
	if errors.As(e.Err, &files) {
		return "restore that file; where it is lost, squeue --me --format='%i %k' shows the job by its comment, nixbatch:" + e.RunID + ", and scancel ends it"
	}
	return "nixbatch status asks Slurm again; do not submit a second time before it knows"
}

// RefusedError says that Slurm will not take the job as it is.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string    { return "slurm refused the job: " + refusal(e.Err) }
func (e *RefusedError) Unwrap() error    { return e.Err }
func (e *RefusedError) Kind() fault.Kind { return fault.Slurm }

func refusal(err error) string {
	var se *slurm.SubmitError
	var none *NoSlurmError
	if errors.As(FromSlurm(err), &none) {
		return none.Error()
	}
	if errors.As(err, &se) && se.Line != "" {
		return se.Line
	}
	return err.Error()
}

// Hint is the way out.
func (e *RefusedError) Hint() string {
	return cmp.Or(fault.Hint(e.Err), "change the slurm: block of the job file; nothing was submitted")
}

// Token is what travels in the job's comment, so that a job can be found again
// by whoever does not know its id.
func Token(r rundir.Run) string { return "nixbatch:" + r.ID }

// comment is a call's comment: its token, and the hash of what is submitted,
// which the accounting keeps in the command line (SubmitLine) where nobody but
// its admin can rewrite it.
func comment(r rundir.Run, token string) string {
	sum := seal.Submission(func(name string) ([]byte, error) { return durable.ReadFile(filepath.Join(r.Dir, name)) })
	if sum != "" {
		token += "," + seal.WitnessWord(sum)
	}
	// The user's own words follow, apart from ours by a space.
	var p struct {
		Slurm sbatch.Options `json:"slurm"`
	}
	if err := durable.Read(r.PlanFile(), &p); err == nil {
		if words, ok := p.Slurm.Get("comment"); ok {
			token += " " + words
		}
	}
	return token
}

// Submit hands the run to Slurm once. The intent is on disk before; an answer
// that does not say whether the job was taken is settled by looking for the
// run's token. A *RefusedError leaves no run directory; an *UncertainError
// leaves one that a later Settle can finish, a *NotTakenError one that says so.
// ctx ends the waiting for Slurm, not the bookkeeping. calls is nil for one plain
// job.
func Submit(ctx context.Context, r rundir.Run, q Submitter, p About, calls []facts.Call) (facts.Submit, error) {
	if err := ctx.Err(); err != nil {
		return facts.Submit{}, errors.Join(err, os.RemoveAll(r.Dir))
	}
	s, err := Round(ctx, r, q, p, facts.Intent{Calls: calls})
	var refused *RefusedError
	if errors.As(err, &refused) && len(s.Jobs) == 0 {
		err = errors.Join(err, os.RemoveAll(r.Dir))
	}
	return s, err
}

// Round writes the intent down and makes its calls, one after the other. What
// was not called or not taken has an answer that says so.
func Round(ctx context.Context, r rundir.Run, q Submitter, p About, in facts.Intent) (facts.Submit, error) {
	scripts, err := scripts(r, in)
	if err != nil {
		return facts.Submit{}, err
	}
	lock, _, err := lockSubmit(r)
	if err != nil {
		return facts.Submit{}, fault.New(fmt.Sprintf("run %s cannot be submitted: %v", r.ID, err), "wait for the other nixbatch to end").Because(err)
	}
	defer func() { lock.release() }()
	if err := onCluster(ctx, r, q, &in); err != nil {
		if in.Round > 0 {
			return facts.Submit{}, err
		}
		return facts.Submit{}, errors.Join(err, os.RemoveAll(r.Dir))
	}
	if err := writeIntent(r, p, &in); err != nil {
		if in.Round > 0 {
			return facts.Submit{}, err
		}
		return facts.Submit{}, discard(r, err)
	}
	// From here to the job id an interrupt must not cut in: the job may be in
	// the queue already. Between two calls it may.
	inner := context.WithoutCancel(ctx)
	defer interrupt.Hold()()
	calls := CallsOf(in)
	jobs := make([]facts.Job, len(calls))
	var failed error
	for i, c := range calls {
		if failed == nil {
			failed = ctx.Err()
		}
		if failed == nil {
			jobs[i], failed = call(inner, r, q, p, &lock, in, i, scripts[i], jobs)
			var unsure *UncertainError
			if errors.As(failed, &unsure) {
				return facts.Submit{}, failed // a later command settles it
			}
		}
		if jobs[i].How == "" {
			jobs[i] = newJob(c, slurm.JobRef{Cluster: in.Cluster}, "none", p.Now())
		}
		if len(calls) > 1 {
			if jobs[i], err = writeAnswer(r, in.Round, i, len(calls), jobs[i]); err != nil {
				return facts.Submit{}, fmt.Errorf("job %d is submitted, but that could not be written down: %w", jobs[i].JobID, err)
			}
		}
	}
	taken := slices.ContainsFunc(jobs, func(j facts.Job) bool { return j.JobID != 0 })
	var refused *RefusedError
	if !taken && errors.As(failed, &refused) && in.Round == 0 {
		return facts.Submit{}, failed // the caller leaves nothing of it
	}
	s, err := writeSubmit(r, p, in, jobs)
	if err != nil {
		return s, err
	}
	if len(calls) == 1 && jobs[0].JobID != 0 && s.JobID != jobs[0].JobID && !Claimed(jobs[0]) {
		s.Copies = append(s.Copies, jobs[0].JobID) // another was quicker: this one stops
	}
	var none *NotTakenError
	if len(calls) == 1 && s.JobID != 0 && errors.As(failed, &none) {
		return s, nil // the job itself was quicker to answer
	}
	if failed != nil && taken {
		n := 0
		for _, j := range jobs {
			if j.JobID == 0 {
				n += j.Count
			}
		}
		failed = &PartError{r.ID, n, failed}
	}
	return s, failed
}

// scripts are what each call of a round hands to sbatch.
func scripts(r rundir.Run, in facts.Intent) ([][]byte, error) {
	script, err := durable.ReadFile(r.ScriptFile())
	if err != nil {
		return nil, fmt.Errorf("batch script: %w", err)
	}
	var out [][]byte
	for i := range CallsOf(in) {
		text, err := plan.ForCall(string(script), facts.TicketOf(in, i))
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", r.ID, err)
		}
		out = append(out, []byte(text))
	}
	return out, nil
}

// NotTakenError says that Slurm for certain has no job of a submission.
type NotTakenError struct {
	RunID string
	Err   error
}

func (e *NotTakenError) Error() string    { return "slurm did not take the job: " + refusal(e.Err) }
func (e *NotTakenError) Unwrap() error    { return e.Err }
func (e *NotTakenError) Kind() fault.Kind { return fault.Slurm }

// Hint is the way out.
func (e *NotTakenError) Hint() string { return "nothing is in the queue: submit it again" }

// PartError says that only a part of a sweep was submitted.
type PartError struct {
	RunID string
	Tasks int // not submitted
	Err   error
}

func (e *PartError) Error() string {
	verb := "were"
	if e.Tasks == 1 {
		verb = "was"
	}
	return fmt.Sprintf("%s of run %s %s not submitted: %v", text.Plural(e.Tasks, "task"), e.RunID, verb, e.Err)
}
func (e *PartError) Unwrap() error    { return e.Err }
func (e *PartError) Kind() fault.Kind { return fault.Slurm }

// Hint is the way out.
func (e *PartError) Hint() string {
	return "the others are in the queue; nixbatch retry " + e.RunID + " submits the rest when these are over"
}

// discard removes a run whose intent could not be written: nobody was told of
// it. One that has an intent already was submitted before, and stays.
func discard(r rundir.Run, err error) error {
	if errors.Is(err, durable.ErrExists) {
		return fault.New("run "+r.ID+" was submitted before", "nixbatch status tells what became of it")
	}
	return errors.Join(err, os.RemoveAll(r.Dir))
}

// Facts is what is recorded about a submission beside the plan.
type About struct {
	Tool    facts.Tool
	WorkDir string
	Job     string // SHA-256 of the job file
	Now     func() time.Time
	// Cache is the file that keeps what Slurm answered, "" for none: see
	// CacheFile. An answer older than MaxAge is asked for again.
	Cache  string
	MaxAge time.Duration
}

// Local marks the run as one that needs no Slurm.
func Local(r rundir.Run, p About) (facts.Submit, error) {
	if err := writeIntent(r, p, &facts.Intent{Local: true}); err != nil {
		return facts.Submit{}, discard(r, err)
	}
	s := submitFact(r, p)
	s.Local, s.How = true, "local"
	return s, durable.Write(r.SubmitFile(), s)
}

func writeIntent(r rundir.Run, p About, in *facts.Intent) error {
	in.Schema, in.RunID, in.Token, in.Time, in.Tool = facts.IntentSchema, r.ID, Token(r), p.Now().UTC(), p.Tool
	if err := durable.Write(IntentFile(r, in.Round), in); err != nil {
		return fmt.Errorf("intent: %w", err)
	}
	return durable.SyncDir(filepath.Dir(r.Dir))
}

func submitFact(r rundir.Run, p About) facts.Submit {
	s := facts.Submit{
		Schema: facts.SubmitSchema, RunID: r.ID, Time: p.Now().UTC(), Job: p.Job, Tool: p.Tool,
		Git: git.State(p.WorkDir), Seed: "not declared",
		Priv: submitter(p),
	}
	// A script that cannot be read has no hash here; the seal, which reads it, tells.
	if script, err := durable.ReadFile(r.ScriptFile()); err == nil {
		s.Script = digest.Bytes(script)
	}
	return s
}

// submitter is who submits, and from where.
func submitter(p About) facts.SubmitPerson {
	who := facts.SubmitPerson{Dir: p.WorkDir}
	who.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		who.User = u.Username
	}
	return who
}

// writeSubmit writes what all calls of a round became; what was written before
// holds, and is returned.
func writeSubmit(r rundir.Run, p About, in facts.Intent, jobs []facts.Job) (facts.Submit, error) {
	s := submitFact(r, p)
	s.Round = in.Round
	setJobs(&s, jobs)
	err := durable.Write(SubmitFile(r, in.Round), s)
	if errors.Is(err, durable.ErrExists) {
		err = durable.Read(SubmitFile(r, in.Round), &s)
	}
	if err != nil {
		return s, fmt.Errorf("job %d is submitted, but that could not be written down: %w", s.JobID, err)
	}
	if err := bringInLine(r, in); err != nil {
		return s, err
	}
	return s, durable.Read(SubmitFile(r, in.Round), &s)
}

// setJobs makes a round's fact that of what its calls became.
func setJobs(s *facts.Submit, jobs []facts.Job) {
	s.JobID, s.Submitted, s.How, s.Copies, s.Jobs, s.Instead, s.Unconfirmed = 0, time.Time{}, "none", nil, nil, 0, false
	for _, j := range jobs {
		if j.JobID != 0 && s.JobID == 0 {
			s.JobID, s.Submitted, s.How = j.JobID, j.Submitted, j.How
			s.Instead, s.Unconfirmed = j.Instead, j.Unconfirmed
		}
		s.Cluster = j.Cluster
		s.Copies = append(s.Copies, j.Copies...)
		j.Schema = ""
		s.Jobs = append(s.Jobs, j)
	}
}
