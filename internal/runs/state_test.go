package runs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/slurm"
)

// witness is a Slurm that says what it is told to say, and counts what it is
// asked. What a test gives it and nobody asks for fails the test.
type witness struct {
	t         *testing.T
	submit    func(args []string) (slurm.JobID, error)
	found     []slurm.JobID
	findErr   error
	queue     []slurm.Job
	queueErr  error
	acct      []slurm.AcctJob
	acctErr   error
	onQueue   func()
	submits   int
	finds     int
	queues    int
	accts     int
	lastQuery slurm.Query
}

func (w *witness) Submit(_ context.Context, _ []byte, args ...string) (slurm.JobID, error) {
	w.submits++
	if w.submit == nil {
		w.t.Error("sbatch was called")
		return slurm.JobID{}, errors.New("no")
	}
	return w.submit(args)
}

func (w *witness) FindByComment(context.Context, string) ([]slurm.JobID, error) {
	w.finds++
	return w.found, w.findErr
}

func (w *witness) Queue(_ context.Context, q slurm.Query) ([]slurm.Job, error) {
	w.queues++
	w.lastQuery = q
	if w.onQueue != nil {
		w.onQueue()
	}
	if w.queueErr != nil {
		return nil, w.queueErr
	}
	return w.queue, nil
}

func (w *witness) Accounting(context.Context, slurm.Query) ([]slurm.AcctJob, error) {
	w.accts++
	return w.acct, w.acctErr
}

// sent is a run that Slurm took as job 7, at noon.
func sent(t *testing.T) runs.Run {
	t.Helper()
	r := create(t, t.TempDir())
	w := &witness{t: t, submit: func([]string) (slurm.JobID, error) { return slurm.JobID{ID: 7}, nil }}
	if _, err := r.Submit(t.Context(), w, facts()); err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t *testing.T, path string, v any) {
	t.Helper()
	if err := os.MkdirAll(path[:strings.LastIndexByte(path, '/')], 0o700); err != nil {
		t.Fatal(err)
	}
	if err := record.Write(path, v); err != nil {
		t.Fatal(err)
	}
}

func started(t *testing.T, r runs.Run, attempt int) {
	t.Helper()
	write(t, r.StartFile(0, attempt), record.Start{Schema: record.StartSchema, RunID: r.ID, JobID: 7, Attempt: attempt})
}

func ended(t *testing.T, r runs.Run, attempt, code int, reason string) {
	t.Helper()
	write(t, r.EndFile(0, attempt), record.End{Schema: record.EndSchema, RunID: r.ID, Attempt: attempt, ExitCode: code, Reason: reason})
}

// Three witnesses, and what is believed.
func TestStates(t *testing.T) {
	job := func(st slurm.State, reason string) []slurm.Job {
		return []slurm.Job{{ID: 7, Array: 7, Task: -1, State: st, Reason: reason, Submit: noon}}
	}
	acct := func(st slurm.State, code int) []slurm.AcctJob {
		return []slurm.AcctJob{{AcctStep: slurm.AcctStep{State: st, ExitCode: code}, ID: 7, Array: 7, Task: -1, Submit: noon}}
	}
	none := slurm.ErrNoAccounting
	down := errors.New("no answer")
	for _, tc := range []struct {
		name    string
		start   bool
		end     int // exit code of the end file; -1 for none
		endWhy  string
		w       witness
		state   slurm.State
		reason  string
		fails   bool
		settled bool // Slurm is not asked again
	}{
		{name: "waiting", end: -1, w: witness{queue: job(slurm.Pending, "Priority"), acctErr: none}, state: slurm.Pending, reason: "Priority"},
		{name: "running", start: true, end: -1, w: witness{queue: job(slurm.Running, "")}, state: slurm.Running},
		{name: "running, and the task is over", start: true, end: 0, w: witness{queue: job(slurm.Running, "")}, state: slurm.Running},
		{name: "completed", start: true, end: 0, w: witness{queue: job(slurm.Completed, ""), acctErr: none}, state: slurm.Completed, settled: true},
		{name: "completed, no end seen", start: true, end: -1, w: witness{queue: job(slurm.Completed, ""), acctErr: none}, state: slurm.Completed, settled: true},
		{name: "failed", start: true, end: 3, w: witness{queue: job(slurm.Failed, ""), acctErr: none}, state: slurm.Failed, reason: "exit code 3", settled: true},
		{name: "refused by the agent", end: 120, endWhy: "no build can run", w: witness{queue: job(slurm.Failed, ""), acctErr: none}, state: slurm.Failed, reason: "no build can run", settled: true},
		{name: "out of memory outranks exit code 0", start: true, end: 0, w: witness{queue: job(slurm.OutOfMemory, ""), acctErr: none}, state: slurm.OutOfMemory, settled: true},
		{name: "time-out outranks an end that says done", start: true, end: 0, w: witness{queue: job(slurm.TimedOut, ""), acctErr: none}, state: slurm.TimedOut, settled: true},
		{name: "node failure", start: true, end: -1, w: witness{queue: job(slurm.NodeFail, ""), acctErr: none}, state: slurm.NodeFail, settled: true},
		{name: "accounting outranks the queue", start: true, end: 0, w: witness{queue: job(slurm.Completed, ""), acct: acct(slurm.OutOfMemory, 0)}, state: slurm.OutOfMemory, settled: true},
		{name: "only accounting knows", start: true, end: -1, w: witness{acct: acct(slurm.Failed, 9)}, state: slurm.Failed, reason: "exit code 9", settled: true},
		{name: "accounting lags", start: true, end: -1, w: witness{acct: acct(slurm.Running, 0)}, state: slurm.Unknown, reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "accounting lags, the files know", start: true, end: 0, w: witness{acct: acct(slurm.Running, 0)}, state: slurm.Completed, settled: true},
		{name: "requeued: the last record counts", start: true, end: -1, w: witness{acct: append(acct(slurm.NodeFail, 0), acct(slurm.Completed, 0)...)}, state: slurm.Completed, settled: true},
		{name: "gone with an end", start: true, end: 0, w: witness{acctErr: none}, state: slurm.Completed, settled: true},
		{name: "gone with a bad end", start: true, end: 1, w: witness{acctErr: none}, state: slurm.Failed, reason: "exit code 1", settled: true},
		{name: "gone without an end", start: true, end: -1, w: witness{acctErr: none}, state: slurm.Unknown, reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "gone without a start", end: -1, w: witness{acctErr: none}, state: slurm.Unknown, reason: "it left the queue without a start"},
		{name: "Slurm silent", start: true, end: -1, w: witness{queueErr: down}, state: slurm.Unknown, reason: "slurm does not answer", fails: true},
		{name: "Slurm silent, the files know", start: true, end: 0, w: witness{queueErr: down}, state: slurm.Completed, fails: true},
		{name: "accounting silent", start: true, end: 2, w: witness{acctErr: down}, state: slurm.Failed, reason: "exit code 2", fails: true},
		{name: "accounting silent, nothing known", end: -1, w: witness{acctErr: down}, state: slurm.Unknown, reason: "slurm does not answer", fails: true},
		{name: "a word nobody knows", start: true, end: -1, w: witness{queue: job(slurm.Unknown, ""), acctErr: none}, state: slurm.Unknown, reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "the id is another's: its comment", end: -1, w: witness{acctErr: none,
			queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Completed, Comment: "nixbatch:other", Submit: noon}}}, state: slurm.Unknown, reason: "it left the queue without a start"},
		{name: "the id is another's: long before", end: -1, w: witness{acctErr: none,
			queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Completed, Submit: noon.Add(-time.Hour)}}}, state: slurm.Unknown, reason: "it left the queue without a start"},
		{name: "the id was another's in the accounting", start: true, end: -1, w: witness{
			acct: []slurm.AcctJob{{AcctStep: slurm.AcctStep{State: slurm.Completed}, ID: 7, Array: 7, Task: -1, Submit: noon.AddDate(-1, 0, 0)}}},
			state: slurm.Unknown, reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "the id became another's in the accounting", start: true, end: -1, w: witness{
			acct: append(acct(slurm.Failed, 4), slurm.AcctJob{AcctStep: slurm.AcctStep{State: slurm.Completed}, ID: 7, Array: 7, Task: -1,
				Submit: noon.AddDate(1, 0, 0), SubmitLine: "sbatch --parsable --comment=nixbatch:other"})},
			state: slurm.Failed, reason: "exit code 4", settled: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := sent(t)
			if tc.start {
				started(t, r, 0)
			}
			if tc.end >= 0 {
				ended(t, r, 0, tc.end, tc.endWhy)
			}
			w := tc.w
			w.t = t
			all, err := runs.States(t.Context(), &w, []runs.Run{r}, facts())
			if (err != nil) != tc.fails {
				t.Errorf("error %v", err)
			}
			s := all[0]
			if s.State != tc.state || s.Reason != tc.reason || s.NotSubmitted {
				t.Errorf("%s (%s), want %s (%s)", s.State, s.Reason, tc.state, tc.reason)
			}
			if (s.Start != nil) != tc.start || (s.End != nil) != (tc.end >= 0) || s.Job.JobID != 7 {
				t.Errorf("files: %+v", s)
			}
			// What is settled is not asked for again, and stays.
			silent := &witness{t: t, queueErr: errors.New("gone")}
			all, err = runs.States(t.Context(), silent, []runs.Run{r}, facts())
			if asked := silent.queues > 0; asked == tc.settled {
				t.Errorf("asked again: %v", asked)
			}
			if tc.settled && (err != nil || all[0].State != tc.state || all[0].Reason != tc.reason) {
				t.Errorf("later %s (%s), %v", all[0].State, all[0].Reason, err)
			}
		})
	}
}

// One squeue and one sacct for all runs together.
func TestStatesAskOnce(t *testing.T) {
	dir := t.TempDir()
	var all []runs.Run
	for i := range 20 {
		r := create(t, dir)
		w := &witness{t: t, submit: func([]string) (slurm.JobID, error) { return slurm.JobID{ID: int64(i + 1)}, nil }}
		if _, err := r.Submit(t.Context(), w, facts()); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	w := &witness{t: t, acctErr: slurm.ErrNoAccounting}
	for i := range 10 {
		w.queue = append(w.queue, slurm.Job{ID: int64(i + 1), Array: int64(i + 1), Task: -1, State: slurm.Running, Submit: noon})
	}
	got, err := runs.States(t.Context(), w, all, facts())
	if err != nil || w.queues != 1 || w.accts != 1 || w.finds != 0 || len(w.lastQuery.IDs) != 20 {
		t.Errorf("%v; asked %d, %d, %d times, for %v", err, w.queues, w.accts, w.finds, w.lastQuery.IDs)
	}
	for i, s := range got {
		want := slurm.Running
		if i >= 10 {
			want = slurm.Unknown
		}
		if s.State != want || s.Run.ID != all[i].ID {
			t.Errorf("run %d: %s of %s", i, s.State, s.Run.ID)
		}
	}
}

// A task that began and ended while Slurm was asked is not one without an end.
func TestFilesAreReadAfterTheQueue(t *testing.T) {
	r := sent(t)
	w := &witness{t: t, acctErr: slurm.ErrNoAccounting, queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Completed, Submit: noon}}}
	w.onQueue = func() { started(t, r, 0); ended(t, r, 0, 0, "") }
	all, err := runs.States(t.Context(), w, []runs.Run{r}, facts())
	if err != nil || all[0].State != slurm.Completed || all[0].Start == nil || all[0].End == nil {
		t.Errorf("%+v, %v", all[0], err)
	}
}

// A requeue makes another attempt; by hand it can even come after the end.
func TestRequeue(t *testing.T) {
	r := sent(t)
	ask := func(w witness) runs.Status {
		t.Helper()
		w.t, w.acctErr = t, slurm.ErrNoAccounting
		all, err := runs.States(t.Context(), &w, []runs.Run{r}, facts())
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	started(t, r, 0)
	ended(t, r, 0, 143, "told to end by signal: terminated")
	s := ask(witness{queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Pending, Reason: "BeginTime", Submit: noon.Add(time.Hour)}}})
	if s.State != slurm.Pending || s.Attempt != 0 {
		t.Errorf("requeued: %+v", s)
	}
	started(t, r, 1)
	ended(t, r, 1, 0, "")
	s = ask(witness{queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Completed, Submit: noon.Add(time.Hour)}}})
	if s.State != slurm.Completed || s.Attempt != 1 || s.End.Attempt != 1 {
		t.Errorf("the second time: %+v", s)
	}
	// By hand, when the state was settled.
	started(t, r, 2)
	s = ask(witness{queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Running, Submit: noon.Add(time.Hour)}}})
	if s.State != slurm.Running || s.Attempt != 2 {
		t.Errorf("the third time: %+v", s)
	}
	ended(t, r, 2, 5, "")
	s = ask(witness{queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Failed, Submit: noon.Add(time.Hour)}}})
	if s.State != slurm.Failed || s.Attempt != 2 || s.ExitCode() != 5 {
		t.Errorf("the third time's end: %+v", s)
	}
}

// A run whose job id nobody wrote down: its submission was killed.
func TestUnsettled(t *testing.T) {
	at := func(d time.Duration) runs.Facts {
		p := facts()
		p.Now = func() time.Time { return noon.Add(d) }
		return p
	}
	const unknown = "it is not known whether Slurm took the job"
	for _, tc := range []struct {
		name   string
		after  time.Duration
		w      witness
		start  bool
		job    int64
		gone   bool // said not to have been submitted
		reason string
		fails  bool
	}{
		{name: "at once, not found", w: witness{}, reason: unknown},
		{name: "at once, found", w: witness{found: []slurm.JobID{{ID: 9}}, acctErr: slurm.ErrNoAccounting}, job: 9, reason: "it left the queue without a start"},
		{name: "at once, silent", w: witness{findErr: errors.New("down")}, reason: unknown, fails: true},
		{name: "its own start tells", start: true, w: witness{acctErr: slurm.ErrNoAccounting}, job: 7,
			reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "an hour later, not found", after: time.Hour, w: witness{}, gone: true, reason: "Slurm has no job of this run, and none ever started"},
		{name: "an hour later, silent", after: time.Hour, w: witness{findErr: errors.New("down")}, reason: unknown, fails: true},
		{name: "an hour later, found", after: time.Hour, w: witness{found: []slurm.JobID{{ID: 9}}, acctErr: slurm.ErrNoAccounting}, job: 9, reason: "it left the queue without a start"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := create(t, t.TempDir())
			write(t, r.IntentFile(), record.Intent{Schema: record.IntentSchema, RunID: r.ID, Token: r.Token(), Time: noon})
			if tc.start {
				started(t, r, 0)
			}
			w := tc.w
			w.t = t
			all, err := runs.States(t.Context(), &w, []runs.Run{r}, at(tc.after))
			s := all[0]
			if (err != nil) != tc.fails || s.State != slurm.Unknown || !strings.HasPrefix(s.Reason, tc.reason) || s.NotSubmitted != tc.gone || s.Job.JobID != tc.job {
				t.Errorf("%s (%s), not submitted: %v, job %d, %v", s.State, s.Reason, s.NotSubmitted, s.Job.JobID, err)
			}
			if w.submits > 0 {
				t.Error("it was submitted a second time")
			}
		})
	}
}

// A local run needs no Slurm: its files and a lock tell.
func TestLocalStates(t *testing.T) {
	r := create(t, t.TempDir())
	if _, err := r.Local(facts()); err != nil {
		t.Fatal(err)
	}
	state := func() runs.Status {
		t.Helper()
		all, err := runs.States(t.Context(), nil, []runs.Run{r}, facts())
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	if s := state(); s.State != slurm.Unknown || !s.Job.Local || s.NotSubmitted {
		t.Errorf("not begun: %+v", s)
	}
	started(t, r, 0)
	alive, err := os.Create(r.AliveFile(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(alive.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if s := state(); s.State != slurm.Running {
		t.Errorf("alive: %+v", s)
	}
	alive.Close()
	if s := state(); s.State != slurm.Unknown || !strings.Contains(s.Reason, "it left no end") {
		t.Errorf("killed: %+v", s)
	}
	ended(t, r, 0, 0, "")
	if s := state(); s.State != slurm.Completed {
		t.Errorf("ended: %+v", s)
	}
	// Interrupted between the intent and the rest, it is still a local one.
	r = create(t, t.TempDir())
	if _, err := r.Local(facts()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(r.SubmitFile()); err != nil {
		t.Fatal(err)
	}
	if s := state(); s.State != slurm.Unknown || !s.Job.Local {
		t.Errorf("half-begun: %+v", s)
	}
}

func TestWait(t *testing.T) {
	r := sent(t)
	w := &witness{t: t, acctErr: slurm.ErrNoAccounting}
	steps := []func(){
		func() {
			w.queue = []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Pending, Reason: "Priority", Submit: noon}}
		},
		func() { w.queueErr = errors.New("controller is away") },
		func() {
			w.queueErr = nil
			w.queue[0].State, w.queue[0].Reason = slurm.Running, ""
			started(t, r, 0)
			ended(t, r, 0, 1, "") // what follows is asked soon
		},
		func() { w.queue[0].State = slurm.OutOfMemory },
	}
	w.onQueue = func() {
		if len(steps) > 0 {
			steps[0]()
			steps = steps[1:]
		}
	}
	var seen, trouble []string
	s, err := runs.Wait(t.Context(), w, r, facts(), func(s runs.Status) { seen = append(seen, fmt.Sprintf("%s/%s", s.State, s.Reason)) },
		func(err error) { trouble = append(trouble, err.Error()) })
	if err != nil || s.State != slurm.OutOfMemory {
		t.Errorf("%+v, %v", s, err)
	}
	want := "pending/Priority unknown/slurm does not answer running/ out-of-memory/"
	if got := strings.Join(seen, " "); got != want {
		t.Errorf("saw %s, want %s", got, want)
	}
	if len(trouble) != 1 || trouble[0] != "controller is away" {
		t.Errorf("trouble %q", trouble)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	r := sent(t)
	ctx, cancel := context.WithCancel(t.Context())
	w := &witness{t: t, onQueue: cancel, queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Pending, Submit: noon}}}
	if _, err := runs.Wait(ctx, w, r, facts(), nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
