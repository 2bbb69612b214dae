package finish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

// accountingLag is how long after a run's end its accounting is waited for:
// slurmctld hands records to slurmdbd in batches.
const accountingLag = 2 * time.Minute

// NotOverError says that a run cannot be sealed yet.
type NotOverError struct{ RunID, Why string }

func (e *NotOverError) Error() string { return "run " + e.RunID + " cannot be sealed yet: " + e.Why }

// Hint is the way out.
func (e *NotOverError) Hint() string { return "nixbatch status tells when it is over" }

// Kind is that of something to wait for, or to mend.
func (e *NotOverError) Kind() fault.Kind { return fault.Input }

// LostError says that a run was sealed, and its seal is gone.
type LostError struct {
	RunID string
	Mark  seal.Mark
}

func (e *LostError) Error() string {
	return "run " + e.RunID + ": " + e.Mark.String() + "; it is not made anew unasked"
}

// Hint is the way out.
func (e *LostError) Hint() string {
	return "put " + facts.SealFile + " back, which every export has; or nixbatch record seal --anew " + e.RunID + ", which verify tells"
}

// Kind is that of something to mend.
func (e *LostError) Kind() fault.Kind { return fault.Input }

// Sealed reports whether the run's record is sealed, and the run did not go on
// since.
func Sealed(r rundir.Run) bool { return seal.Sealed(r.Dir, false) }

// Seal ends the record of a run that is over: it asks the accounting, writes
// down the result, and seals. anyway seals also what is not known to be over
// but for certain does not run, and does not wait for the accounting. A run
// that is sealed yields durable.ErrExists.
func Seal(ctx context.Context, s status.Status, w status.Watcher, p ledger.About, anyway bool) (*seal.Seal, error) {
	if err := lost(s.Run); err != nil {
		return nil, err
	}
	return Anew(ctx, s, w, p, anyway)
}

// lost is a *LostError for a run whose seal is gone.
func lost(r rundir.Run) error {
	m, err := seal.Lost(r.Dir, r.ID)
	if err == nil && m != nil {
		err = &LostError{r.ID, *m}
	}
	return err
}

// Anew is Seal for a run whose seal may be gone: the new one names it.
func Anew(ctx context.Context, s status.Status, w status.Watcher, p ledger.About, anyway bool) (*seal.Seal, error) {
	switch {
	case seal.Sealed(s.Run.Dir, true):
		return nil, fmt.Errorf("run %s: %w", s.Run.ID, durable.ErrExists)
	case s.NotSubmitted:
		return nil, &NotOverError{s.Run.ID, "it was never submitted"}
	case s.State == slurm.Unknown && anyway:
	case !s.State.Final():
		return nil, &NotOverError{s.Run.ID, "its state is " + string(s.State)}
	}
	if w != nil && !s.Job.Local {
		// Another cluster's accounting would tell of other jobs.
		if err := ledger.Here(ctx, s.Run, w, s.Cluster()); err != nil {
			return nil, err
		}
	}
	s.Load()
	acct, err := accounting(ctx, s, w, p.Now(), anyway)
	if err != nil {
		return nil, err
	}
	release, err := s.Run.Project.LockSeal(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if seal.Sealed(s.Run.Dir, true) { // by another command, in the meantime
		return nil, fmt.Errorf("run %s: %w", s.Run.ID, durable.ErrExists)
	}
	if err := seal.Supersede(s.Run.Dir); err != nil {
		return nil, err
	}
	result := facts.Result{Schema: facts.ResultSchema, RunID: s.Run.ID, State: string(s.State), Reason: s.Reason, Attempt: s.Attempt, Time: p.Now().UTC()}
	for file, fact := range map[string]any{s.Run.AccountingFile(): acct, s.Run.ResultFile(): result} {
		// What an interrupted sealing left is written anew.
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("seal: %w", err)
		}
		if err := durable.Write(file, fact); err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
	}
	return seal.Dir(s.Run.Dir, s.Run.ID, seal.NewSalt(), p.Tool, p.Now())
}

// SealOver seals those of the runs that are over and not sealed. One that
// cannot be sealed yet is left for the next time.
func SealOver(ctx context.Context, w status.Watcher, all []status.Status, p ledger.About) error {
	var errs []error
	for _, s := range all {
		if !s.State.Final() || s.NotSubmitted {
			continue
		}
		// What was found final before, and did not go on since, is not looked at
		// a second time: there may be thousands of such runs.
		if s.Final != nil {
			there, err := durable.There(s.Run.SealFile())
			if err != nil {
				errs = append(errs, fmt.Errorf("run %s: %w", s.Run.ID, err))
			}
			if there || err != nil {
				continue
			}
		}
		if Sealed(s.Run) {
			continue
		}
		_, err := Seal(ctx, s, w, p, false)
		var early *NotOverError
		var away *slurm.ElsewhereError
		var gone *LostError
		if errors.As(err, &gone) {
			errs = append(errs, err)
			continue
		}
		if err != nil && !errors.As(err, &early) && !errors.As(err, &away) && !errors.Is(err, durable.ErrExists) {
			errs = append(errs, fmt.Errorf("run %s: %w", s.Run.ID, err))
		}
	}
	return errors.Join(errs...)
}

// accounting is what sacct tells of the run, or why it tells nothing.
func accounting(ctx context.Context, s status.Status, w status.Watcher, now time.Time, anyway bool) (facts.Accounting, error) {
	a := facts.Accounting{Schema: facts.AccountingSchema, Time: now.UTC(), Jobs: []facts.Accounted{}}
	without := func(why string) (facts.Accounting, error) {
		a.Source = "unavailable: " + why
		return a, nil
	}
	switch {
	case s.Job.Local:
		return without("the run was local")
	case s.Job.JobID == 0:
		return without("the job's id is not known")
	case w == nil:
		return without("no Slurm is at hand")
	}
	mine, err := ledger.Jobs(s.Run)
	if err != nil {
		return a, err
	}
	q := slurm.Query{}
	if len(mine) == 0 { // a run without its intent, such as a copy
		mine = []facts.Job{{JobID: s.Job.JobID}}
	}
	for _, j := range mine {
		q.IDs = append(q.IDs, strconv.FormatInt(j.JobID, 10))
	}
	jobs, err := w.Accounting(ctx, q)
	if errors.Is(err, slurm.ErrNoAccounting) {
		return without(slurm.ErrNoAccounting.Error())
	}
	if err != nil {
		if anyway {
			return without("sacct failed")
		}
		return a, &NotOverError{s.Run.ID, "the accounting did not answer"}
	}
	over := false
	for _, j := range jobs {
		if wanted(s, mine, j) {
			a.Jobs = append(a.Jobs, accounted(j))
			over = over || j.State.Final()
		}
	}
	if !over && !anyway && (s.End == nil || now.Sub(s.End.Time) < accountingLag) {
		return a, &NotOverError{s.Run.ID, "the accounting has not its end yet"}
	}
	if len(a.Jobs) == 0 {
		return without("the accounting does not have this job")
	}
	a.Source = "sacct"
	return a, nil
}

// wanted reports whether a job of the accounting is one of the run's.
func wanted(s status.Status, mine []facts.Job, j slurm.AcctJob) bool {
	return slices.ContainsFunc(mine, func(m facts.Job) bool {
		if m.Time.IsZero() {
			m.Time = s.Job.Time
		}
		return (j.Array == 0 || m.JobID == j.Array) && ledger.Wanted(s.Run, m, s.Job.Priv).Is(j.Sight())
	})
}

func accounted(j slurm.AcctJob) facts.Accounted {
	seconds := func(d time.Duration) int64 { return int64(d / time.Second) }
	a := facts.Accounted{
		Ref: j.Ref, Task: j.Task, State: string(j.State), ExitCode: j.ExitCode, Signal: j.Signal, Submit: j.Submit, Start: j.Start, End: j.End,
		Elapsed: seconds(j.Elapsed), TotalCPU: seconds(j.TotalCPU), MaxRSS: j.MaxRSS, Energy: j.Energy, AllocTRES: j.AllocTRES,
		Usage: j.Usage, Restarts: j.Restarts,
		Priv: facts.AccountedPerson{User: j.User, Account: j.Account, SubmitLine: j.SubmitLine},
	}
	// A host list that cannot be read is kept as it is.
	if a.Priv.Nodes, _ = hostlist.Expand(j.Nodes); a.Priv.Nodes == nil && j.Nodes != "" {
		a.Priv.Nodes = []string{j.Nodes}
	}
	for _, t := range j.Steps {
		a.Steps = append(a.Steps, facts.AccountedStep{Ref: t.Ref, State: string(t.State), ExitCode: t.ExitCode,
			Elapsed: seconds(t.Elapsed), TotalCPU: seconds(t.TotalCPU), MaxRSS: t.MaxRSS, Usage: t.Usage})
	}
	return a
}
