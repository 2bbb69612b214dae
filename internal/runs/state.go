package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/slurm"
)

// Status is what became of a run's task, from all witnesses.
type Status struct {
	Run     Run
	State   slurm.State
	Reason  string // why it waits, or what it died of; "" when there is nothing to say
	Job     record.Submit
	Task    int
	Attempt int
	Start   *record.Start // nil: no start was seen
	End     *record.End   // nil: no end was seen
	// NotSubmitted is a run that never reached Slurm: its submission was
	// interrupted before sbatch was called.
	NotSubmitted bool
}

// ExitCode is what the payload exited with; -1 when that is not known.
func (s Status) ExitCode() int {
	if s.End != nil {
		return s.End.ExitCode
	}
	return -1
}

// Watcher is what following runs asks of Slurm.
type Watcher interface {
	Submitter
	Queue(ctx context.Context, q slurm.Query) ([]slurm.Job, error)
	Accounting(ctx context.Context, q slurm.Query) ([]slurm.AcctJob, error)
}

// States merges, for every run given, its files, squeue and sacct: one squeue
// and at most one sacct for all of them together. Slurm's terminal state
// outranks the exit code; gone from the queue is not completed. A run that is
// settled by its own files alone asks nobody. The error says that Slurm did not
// answer; the states are then from the files.
func States(ctx context.Context, w Watcher, all []Run, p Facts) ([]Status, error) {
	out := make([]Status, len(all))
	var ask []int
	for i, r := range all {
		out[i] = r.fromFiles()
		if !out[i].settled() {
			ask = append(ask, i)
		}
	}
	if len(ask) == 0 {
		return out, nil
	}
	if w == nil {
		return out, errors.New("no Slurm is at hand")
	}
	var errs []error
	var ids []string
	for _, i := range ask {
		if out[i].Job.JobID == 0 {
			job, ok, err := out[i].Run.Settle(ctx, w, p)
			if err != nil {
				errs = append(errs, err)
			}
			if !ok {
				out[i].Reason = "it is not known whether Slurm took the job"
				continue
			}
			out[i].Job = job
		}
		ids = append(ids, strconv.FormatInt(out[i].Job.JobID, 10))
	}
	queue, acct, err := witnesses(ctx, w, ids)
	if err != nil {
		errs = append(errs, err)
	}
	for _, i := range ask {
		if out[i].Job.JobID != 0 {
			out[i].merge(queue, acct, err != nil)
		}
	}
	return out, errors.Join(errs...)
}

// witnesses asks squeue for the jobs, and sacct for those that it has forgotten
// or calls ended.
func witnesses(ctx context.Context, w Watcher, ids []string) (queue map[int64]slurm.Job, acct map[int64]slurm.AcctJob, err error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	jobs, err := w.Queue(ctx, slurm.Query{IDs: ids})
	if err != nil {
		return nil, nil, err
	}
	queue = map[int64]slurm.Job{}
	for _, j := range jobs {
		queue[j.Array] = j
	}
	gone := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		n, _ := strconv.ParseInt(id, 10, 64)
		j, ok := queue[n]
		return ok && !j.State.Final()
	})
	if len(gone) == 0 {
		return queue, nil, nil
	}
	recs, err := w.Accounting(ctx, slurm.Query{IDs: gone})
	if errors.Is(err, slurm.ErrNoAccounting) {
		return queue, nil, nil
	}
	acct = map[int64]slurm.AcctJob{}
	for _, r := range recs {
		acct[r.Array] = r // requeues come in order: the last one counts
	}
	return queue, acct, err
}

// fromFiles is what the run's own files say.
func (r Run) fromFiles() Status {
	s := Status{Run: r, State: slurm.Unknown}
	haveJob := record.Read(r.SubmitFile(), &s.Job) == nil
	s.Attempt = r.lastAttempt(0)
	var st record.Start
	if record.Read(r.StartFile(0, s.Attempt), &st) == nil {
		s.Start = &st
	}
	var end record.End
	if record.Read(r.EndFile(0, s.Attempt), &end) == nil {
		s.End = &end
		s.State = slurm.Completed
		s.Reason = end.Reason
		if end.ExitCode != 0 {
			s.State = slurm.Failed
			if s.Reason == "" {
				s.Reason = "exit code " + strconv.Itoa(end.ExitCode)
			}
		}
	}
	var in record.Intent
	if err := record.Read(r.IntentFile(), &in); errors.Is(err, fs.ErrNotExist) && !haveJob && s.Start == nil {
		s.NotSubmitted, s.Reason = true, "interrupted before it was submitted"
	}
	if in.Local && s.End == nil {
		s.localState()
	}
	return s
}

// localState tells a local run that goes on from one that was killed: the agent
// holds a lock for as long as it lives.
func (s *Status) localState() {
	f, err := os.Open(s.Run.AliveFile(0, s.Attempt))
	if err != nil {
		s.Reason = "it left no end"
		return
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil {
		s.State = slurm.Running
		return
	}
	s.Reason = "it left no end: it was killed, or the machine went down"
}

func (r Run) lastAttempt(task int) int {
	entries, err := os.ReadDir(r.TaskDir(task))
	last := 0
	if err != nil {
		return last
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "attempt-")); err == nil {
			last = max(last, n)
		}
	}
	return last
}

// settled reports whether the files alone decide: a local run, one that was
// never submitted, or one whose state was found terminal before.
func (s *Status) settled() bool {
	if s.NotSubmitted || s.Job.Local {
		return true
	}
	var f finalFact
	if record.Read(s.Run.finalFile(), &f) == nil && f.Schema == finalSchema {
		s.State, s.Reason = f.State, f.Reason
		return true
	}
	return false
}

const finalSchema = "nixbatch/final/v1"

// finalFact keeps a terminal state, so that Slurm is not asked for it again.
type finalFact struct {
	Schema string      `json:"schema"`
	State  slurm.State `json:"state"`
	Reason string      `json:"reason,omitempty"`
	From   string      `json:"from"` // "accounting", "queue" or "files"
	Time   time.Time   `json:"time"`
}

func (r Run) finalFile() string { return filepath.Join(r.Dir, "final.json") }

// merge weighs the witnesses. silent says that Slurm could not be asked.
func (s *Status) merge(queue map[int64]slurm.Job, acct map[int64]slurm.AcctJob, silent bool) {
	q, queued := queue[s.Job.JobID]
	a, counted := acct[s.Job.JobID]
	// Job ids are used again: another run's token, or a submission long before
	// this one, is another job.
	if queued && q.Comment != "" && !strings.Contains(q.Comment, s.Run.Token()) {
		queued = false
	}
	if counted && a.Submit.Before(s.Job.Time.Add(-5*time.Minute)) {
		counted = false
	}
	switch {
	case queued && !q.State.Final() && q.State != slurm.Unknown:
		s.State, s.Reason = q.State, q.Reason
	case counted && a.State.Final():
		s.final(a.State, explain(a.State, a.ExitCode, s), "accounting")
	case queued && q.State.Final():
		s.final(q.State, explain(q.State, s.ExitCode(), s), "queue")
	case silent && s.End == nil:
		s.State, s.Reason = slurm.Unknown, "slurm does not answer"
	case s.End != nil && !silent:
		s.final(s.State, s.Reason, "files")
	case s.End != nil:
	case s.Start != nil:
		s.State, s.Reason = slurm.Unknown, "it started and left the queue without an end: it was killed, or its node was lost"
	default:
		s.State, s.Reason = slurm.Unknown, "it left the queue without a start"
	}
}

func (s *Status) final(state slurm.State, reason, from string) {
	s.State, s.Reason = state, reason
	// Only a cache: what cannot be written is asked again.
	_ = record.Write(s.Run.finalFile(), finalFact{finalSchema, state, reason, from, time.Now().UTC()})
}

func explain(state slurm.State, code int, s *Status) string {
	if s.End != nil && s.End.Reason != "" {
		return s.End.Reason
	}
	if state == slurm.Failed && code > 0 {
		return fmt.Sprintf("exit code %d", code)
	}
	return ""
}
