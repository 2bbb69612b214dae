package runs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
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
	var none *NoSlurmError
	if errors.As(e.Err, &none) {
		return none.Hint()
	}
	return "nixbatch status asks Slurm again; do not submit a second time before it knows"
}

// RefusedError says that Slurm will not take the job as it is.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "slurm refused the job: " + refusal(e.Err) }
func (e *RefusedError) Unwrap() error { return e.Err }

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
	var h interface{ Hint() string }
	if errors.As(e.Err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	return "change the slurm: block of the job file; nothing was submitted"
}

// Token is what travels in the job's comment, so that a job can be found again
// by whoever does not know its id.
func (r Run) Token() string { return "nixbatch:" + r.ID }

// comment is a call's comment: its token, and the hash of what is submitted,
// which the accounting keeps in the command line (SubmitLine) where nobody but
// its admin can rewrite it.
func (r Run) comment(token string) string {
	sum := record.Submission(func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(r.Dir, name)) })
	if sum != "" {
		token += "," + record.WitnessWord(sum)
	}
	// The user's own words follow, apart from ours by a space.
	var p struct {
		Slurm slurm.Options `json:"slurm"`
	}
	if err := record.Read(r.PlanFile(), &p); err == nil {
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
// ctx ends the waiting for Slurm, not the bookkeeping.
func (r Run) Submit(ctx context.Context, q Submitter, p Facts) (record.Submit, error) {
	return r.SubmitCalls(ctx, q, p, nil)
}

// SubmitCalls is Submit for a run that is more than one plain job.
func (r Run) SubmitCalls(ctx context.Context, q Submitter, p Facts, calls []record.Call) (record.Submit, error) {
	if err := ctx.Err(); err != nil {
		return record.Submit{}, errors.Join(err, os.RemoveAll(r.Dir))
	}
	s, err := r.round(ctx, q, p, record.Intent{Calls: calls})
	var refused *RefusedError
	if errors.As(err, &refused) && len(s.Jobs) == 0 {
		err = errors.Join(err, os.RemoveAll(r.Dir))
	}
	return s, err
}

// round writes the intent down and makes its calls, one after the other. What
// was not called or not taken has an answer that says so.
func (r Run) round(ctx context.Context, q Submitter, p Facts, in record.Intent) (record.Submit, error) {
	script, err := os.ReadFile(r.ScriptFile())
	if err != nil {
		return record.Submit{}, fmt.Errorf("batch script: %w", err)
	}
	lock, _, err := r.lockSubmit()
	if err != nil {
		return record.Submit{}, &Error{fmt.Sprintf("run %s cannot be submitted: %v", r.ID, err), "wait for the other nixbatch to end"}
	}
	defer func() { lock.release() }()
	if err := r.writeIntent(p, &in); err != nil {
		if in.Round > 0 {
			return record.Submit{}, err
		}
		return record.Submit{}, r.discard(err)
	}
	// From here to the job id an interrupt must not cut in: the job may be in
	// the queue already. Between two calls it may.
	inner := context.WithoutCancel(ctx)
	calls := callsOf(in)
	jobs := make([]record.Job, len(calls))
	var failed error
	for i, c := range calls {
		if failed == nil {
			failed = ctx.Err()
		}
		if failed == nil {
			jobs[i], failed = r.call(inner, q, p, &lock, in, i, script, jobs)
			var unsure *UncertainError
			if errors.As(failed, &unsure) {
				return record.Submit{}, failed // a later command settles it
			}
		}
		if jobs[i].How == "" {
			jobs[i] = newJob(c, slurm.JobID{}, "none", p.Now())
		}
		if len(calls) > 1 {
			if jobs[i], err = r.writeAnswer(in.Round, i, len(calls), jobs[i]); err != nil {
				return record.Submit{}, fmt.Errorf("job %d is submitted, but that could not be written down: %w", jobs[i].JobID, err)
			}
		}
	}
	taken := slices.ContainsFunc(jobs, func(j record.Job) bool { return j.JobID != 0 })
	var refused *RefusedError
	if !taken && errors.As(failed, &refused) && in.Round == 0 {
		return record.Submit{}, failed // the caller leaves nothing of it
	}
	s, err := r.writeSubmit(p, in, jobs)
	if err != nil {
		return s, err
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

// call makes one call of sbatch. The error is a *RefusedError, a
// *NotTakenError or an *UncertainError.
func (r Run) call(ctx context.Context, q Submitter, p Facts, lock *submitLock, in record.Intent, i int, script []byte, before []record.Job) (record.Job, error) {
	calls := callsOf(in)
	c, token := calls[i], r.token(in.Round, i, len(calls))
	args := append([]string{"--comment=" + r.comment(token)}, c.Options...)
	if c.Array != "" {
		array := "--array=" + c.Array
		if c.Limit > 0 {
			array += fmt.Sprintf("%%%d", c.Limit)
		}
		args = append(args, array)
	}
	if c.Behind > 0 && before[c.Behind-1].JobID != 0 {
		args = withDependency(args, fmt.Sprintf("afterany:%d", before[c.Behind-1].JobID))
	}
	id, err := q.Submit(ctx, callScript(script, in.Round, i, len(calls), c), args...)
	if err == nil {
		return newJob(c, id, "sbatch", p.Now()), nil
	}
	var se *slurm.SubmitError
	if errors.As(err, &se) && se.Permanent {
		return record.Job{}, &RefusedError{err}
	}
	// An sbatch that still runs, behind a wrapper that was killed, holds the lock.
	lock.release()
	again, sure, lerr := r.lockSubmit()
	*lock = again
	if lerr != nil {
		return record.Job{}, &UncertainError{r.ID, errors.Join(err, lerr)}
	}
	var ferr error
	for n, pause := range lookAgain {
		time.Sleep(pause)
		var found []slurm.JobID
		if found, ferr = q.FindByComment(ctx, token); len(found) > 0 {
			return newJob(c, found[0], "queue", p.Now()), nil
		}
		if ferr != nil && n > 0 {
			break // Slurm does not answer: the next command asks it again
		}
	}
	if ferr != nil || !sure {
		return record.Job{}, &UncertainError{r.ID, errors.Join(err, ferr)}
	}
	// The answer decides, also for a job that turns up later: it would stop. One
	// that started meanwhile has answered before us.
	j := newJob(c, slurm.JobID{}, "none", p.Now())
	if len(calls) > 1 {
		if j, werr := r.writeAnswer(in.Round, i, len(calls), j); werr == nil && j.JobID != 0 {
			return j, nil
		}
	}
	return j, &NotTakenError{r.ID, err}
}

// lookAgain are the pauses before a job is looked for whose submission said
// neither yes nor no: slurmctld may be late, but not for long.
var lookAgain = []time.Duration{0, 300 * time.Millisecond, 700 * time.Millisecond, 2 * time.Second}

// withDependency adds to the dependency that the options have.
func withDependency(args []string, dep string) []string {
	for i, a := range args {
		if strings.HasPrefix(a, "--dependency=") {
			args[i] = a + "," + dep
			return args
		}
	}
	return append(args, "--dependency="+dep)
}

func newJob(c record.Call, id slurm.JobID, how string, now time.Time) record.Job {
	j := record.Job{Schema: record.CallSchema, JobID: id.ID, Cluster: id.Cluster, How: how, Time: now.UTC(), Call: c}
	if ts := tasksOf(c); len(ts) > 0 {
		j.First = ts[0]
	}
	return j
}

// writeAnswer settles the fate of one of several calls; what was written before
// holds, and is returned.
func (r Run) writeAnswer(round, call, calls int, j record.Job) (record.Job, error) {
	file := r.answerFile(round, call, calls)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return j, err
	}
	err := record.Write(file, j)
	if errors.Is(err, record.ErrExists) {
		err = record.Read(file, &j)
	}
	return j, err
}

// NotTakenError says that Slurm for certain has no job of a submission.
type NotTakenError struct {
	RunID string
	Err   error
}

func (e *NotTakenError) Error() string { return "slurm did not take the job: " + refusal(e.Err) }
func (e *NotTakenError) Unwrap() error { return e.Err }

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
	return fmt.Sprintf("%s of run %s %s not submitted: %v", Plural(e.Tasks, "task"), e.RunID, verb, e.Err)
}
func (e *PartError) Unwrap() error { return e.Err }

// Hint is the way out.
func (e *PartError) Hint() string {
	return "the others are in the queue; nixbatch retry " + e.RunID + " submits the rest when these are over"
}

// discard removes a run whose intent could not be written: nobody was told of
// it. One that has an intent already was submitted before, and stays.
func (r Run) discard(err error) error {
	if errors.Is(err, record.ErrExists) {
		return &Error{"run " + r.ID + " was submitted before", "nixbatch status tells what became of it"}
	}
	return errors.Join(err, os.RemoveAll(r.Dir))
}

// Facts is what is recorded about a submission beside the plan.
type Facts struct {
	Tool    record.Tool
	WorkDir string
	Job     string // SHA-256 of the job file
	Now     func() time.Time
	// Cache is the file that keeps what Slurm answered, "" for none: see
	// CacheFile. An answer older than MaxAge is asked for again.
	Cache  string
	MaxAge time.Duration
}

// Local marks the run as one that needs no Slurm.
func (r Run) Local(p Facts) (record.Submit, error) {
	if err := r.writeIntent(p, &record.Intent{Local: true}); err != nil {
		return record.Submit{}, r.discard(err)
	}
	s := r.submitFact(p)
	s.Local, s.How = true, "local"
	return s, record.Write(r.SubmitFile(), s)
}

func (r Run) writeIntent(p Facts, in *record.Intent) error {
	in.Schema, in.RunID, in.Token, in.Time, in.Tool = record.IntentSchema, r.ID, r.Token(), p.Now().UTC(), p.Tool
	if err := record.Write(r.intentFile(in.Round), in); err != nil {
		return fmt.Errorf("intent: %w", err)
	}
	return record.SyncDir(filepath.Dir(r.Dir))
}

func (r Run) submitFact(p Facts) record.Submit {
	s := record.Submit{
		Schema: record.SubmitSchema, RunID: r.ID, Time: p.Now().UTC(), Job: p.Job, Tool: p.Tool,
		Git: record.GitState(p.WorkDir), Seed: "not declared",
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

// writeSubmit writes what all calls of a round became; what was written before
// holds, and is returned.
func (r Run) writeSubmit(p Facts, in record.Intent, jobs []record.Job) (record.Submit, error) {
	s := r.submitFact(p)
	s.Round, s.How = in.Round, "none"
	for _, j := range jobs {
		if j.JobID != 0 && s.JobID == 0 {
			s.JobID, s.Cluster, s.How = j.JobID, j.Cluster, j.How
		}
		j.Schema = ""
		s.Jobs = append(s.Jobs, j)
	}
	err := record.Write(r.submitFile(in.Round), s)
	if errors.Is(err, record.ErrExists) {
		err = record.Read(r.submitFile(in.Round), &s)
	}
	if err != nil {
		return s, fmt.Errorf("job %d is submitted, but that could not be written down: %w", s.JobID, err)
	}
	return s, nil
}
