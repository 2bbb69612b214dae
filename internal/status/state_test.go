package status_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// Three witnesses, and what is believed.
func TestStates(t *testing.T) {
	job := func(st slurm.State, reason string) []slurm.Job {
		return []slurm.Job{{ID: 7, Array: 7, Task: -1, State: st, Reason: reason, Submit: runtest.Noon}}
	}
	acct := func(st slurm.State, code int) []slurm.AcctJob {
		return []slurm.AcctJob{{AcctStep: slurm.AcctStep{State: st, ExitCode: code}, ID: 7, Array: 7, Task: -1, Submit: runtest.Noon}}
	}
	none := slurm.ErrNoAccounting
	down := errors.New("no answer")
	for _, tc := range []struct {
		name    string
		start   bool
		end     int // exit code of the end file; -1 for none
		endWhy  string
		w       runtest.Witness
		state   slurm.State
		reason  string
		fails   bool
		settled bool // Slurm is not asked again
	}{
		{name: "waiting", end: -1, w: runtest.Witness{InQueue: job(slurm.Pending, "Priority"), AcctErr: none}, state: slurm.Pending, reason: "Priority"},
		{name: "running", start: true, end: -1, w: runtest.Witness{InQueue: job(slurm.Running, "")}, state: slurm.Running},
		{name: "running, and the task is over", start: true, end: 0, w: runtest.Witness{InQueue: job(slurm.Running, "")}, state: slurm.Running},
		{name: "completed", start: true, end: 0, w: runtest.Witness{InQueue: job(slurm.Completed, ""), AcctErr: none}, state: slurm.Completed, settled: true},
		{name: "completed, no end seen", start: true, end: -1, w: runtest.Witness{InQueue: job(slurm.Completed, ""), AcctErr: none}, state: slurm.Completed, settled: true},
		{name: "failed", start: true, end: 3, w: runtest.Witness{InQueue: job(slurm.Failed, ""), AcctErr: none}, state: slurm.Failed, reason: "exit code 3", settled: true},
		{name: "refused by the agent", end: 120, endWhy: "no build can run", w: runtest.Witness{InQueue: job(slurm.Failed, ""), AcctErr: none}, state: slurm.Failed, reason: "no build can run", settled: true},
		{name: "out of memory outranks exit code 0", start: true, end: 0, w: runtest.Witness{InQueue: job(slurm.OutOfMemory, ""), AcctErr: none}, state: slurm.OutOfMemory, settled: true},
		{name: "time-out outranks an end that says done", start: true, end: 0, w: runtest.Witness{InQueue: job(slurm.TimedOut, ""), AcctErr: none}, state: slurm.TimedOut, settled: true},
		{name: "node failure", start: true, end: -1, w: runtest.Witness{InQueue: job(slurm.NodeFail, ""), AcctErr: none}, state: slurm.NodeFail, settled: true},
		{name: "accounting outranks the queue", start: true, end: 0, w: runtest.Witness{InQueue: job(slurm.Completed, ""), Acct: acct(slurm.OutOfMemory, 0)}, state: slurm.OutOfMemory, settled: true},
		{name: "only accounting knows", start: true, end: -1, w: runtest.Witness{Acct: acct(slurm.Failed, 9)}, state: slurm.Failed, reason: "exit code 9", settled: true},
		{name: "accounting lags", start: true, end: -1, w: runtest.Witness{Acct: acct(slurm.Running, 0)}, state: slurm.Unknown, reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "accounting lags, the files know", start: true, end: 0, w: runtest.Witness{Acct: acct(slurm.Running, 0)}, state: slurm.Completed, settled: true},
		{name: "requeued: the last record counts", start: true, end: -1, w: runtest.Witness{Acct: append(acct(slurm.NodeFail, 0), acct(slurm.Completed, 0)...)}, state: slurm.Completed, settled: true},
		{name: "gone with an end", start: true, end: 0, w: runtest.Witness{AcctErr: none}, state: slurm.Completed, settled: true},
		{name: "gone with a bad end", start: true, end: 1, w: runtest.Witness{AcctErr: none}, state: slurm.Failed, reason: "exit code 1", settled: true},
		{name: "gone without an end", start: true, end: -1, w: runtest.Witness{AcctErr: none}, state: slurm.Unknown, reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "gone without a start", end: -1, w: runtest.Witness{AcctErr: none}, state: slurm.Unknown, reason: "it left the queue without a start"},
		{name: "Slurm silent", start: true, end: -1, w: runtest.Witness{QueueErr: down}, state: slurm.Unknown, reason: "slurm does not answer", fails: true},
		{name: "Slurm silent, the files know", start: true, end: 0, w: runtest.Witness{QueueErr: down}, state: slurm.Completed, fails: true},
		{name: "accounting silent", start: true, end: 2, w: runtest.Witness{AcctErr: down}, state: slurm.Failed, reason: "exit code 2", fails: true},
		{name: "accounting silent, nothing known", end: -1, w: runtest.Witness{AcctErr: down}, state: slurm.Unknown, reason: "slurm does not answer", fails: true},
		{name: "a word nobody knows", start: true, end: -1, w: runtest.Witness{InQueue: job(slurm.Unknown, ""), AcctErr: none}, state: slurm.Unknown, reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "the id is another's: its comment", end: -1, w: runtest.Witness{AcctErr: none,
			InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Completed, Comment: "nixbatch:other", Submit: runtest.Noon}}}, state: slurm.Unknown, reason: "it left the queue without a start"},
		{name: "the id is another's: long before", end: -1, w: runtest.Witness{AcctErr: none,
			InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Completed, Submit: runtest.Noon.Add(-time.Hour)}}}, state: slurm.Unknown, reason: "it left the queue without a start"},
		{name: "the id was another's in the accounting", start: true, end: -1, w: runtest.Witness{
			Acct: []slurm.AcctJob{{AcctStep: slurm.AcctStep{State: slurm.Completed}, ID: 7, Array: 7, Task: -1, Submit: runtest.Noon.AddDate(-1, 0, 0)}}},
			state: slurm.Unknown, reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "the id became another's in the accounting", start: true, end: -1, w: runtest.Witness{
			Acct: append(acct(slurm.Failed, 4), slurm.AcctJob{AcctStep: slurm.AcctStep{State: slurm.Completed}, ID: 7, Array: 7, Task: -1,
				Submit: runtest.Noon.AddDate(1, 0, 0), SubmitLine: "sbatch --parsable --comment=nixbatch:other"})},
			state: slurm.Failed, reason: "exit code 4", settled: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runtest.Sent(t)
			if tc.start {
				runtest.Started(t, r, 0)
			}
			if tc.end >= 0 {
				runtest.Ended(t, r, 0, tc.end, tc.endWhy)
			}
			w := tc.w
			w.T = t
			all, err := status.States(t.Context(), &w, []rundir.Run{r}, runtest.About())
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
			silent := &runtest.Witness{T: t, QueueErr: errors.New("gone")}
			all, err = status.States(t.Context(), silent, []rundir.Run{r}, runtest.About())
			if asked := silent.Queues > 0; asked == tc.settled {
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
	var all []rundir.Run
	for i := range 20 {
		r := runtest.Create(t, dir)
		w := &runtest.Witness{T: t, Take: func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: int64(i + 1)}, nil }}
		if _, err := ledger.Submit(t.Context(), r, w, runtest.About(), nil); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting}
	for i := range 10 {
		w.InQueue = append(w.InQueue, slurm.Job{ID: int64(i + 1), Array: int64(i + 1), Task: -1, State: slurm.Running, Submit: runtest.Noon})
	}
	got, err := status.States(t.Context(), w, all, runtest.About())
	if err != nil || w.Queues != 1 || w.Accts != 1 || w.Finds != 0 || len(w.LastQuery.IDs) != 20 {
		t.Errorf("%v; asked %d, %d, %d times, for %v", err, w.Queues, w.Accts, w.Finds, w.LastQuery.IDs)
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
	r := runtest.Sent(t)
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Completed, Submit: runtest.Noon}}}
	w.OnQueue = func() { runtest.Started(t, r, 0); runtest.Ended(t, r, 0, 0, "") }
	all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
	if err != nil || all[0].State != slurm.Completed || all[0].Start == nil || all[0].End == nil {
		t.Errorf("%+v, %v", all[0], err)
	}
}

// A requeue makes another attempt; by hand it can even come after the end.
func TestRequeue(t *testing.T) {
	r := runtest.Sent(t)
	ask := func(w runtest.Witness) status.Status {
		t.Helper()
		w.T, w.AcctErr = t, slurm.ErrNoAccounting
		all, err := status.States(t.Context(), &w, []rundir.Run{r}, runtest.About())
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	runtest.Started(t, r, 0)
	runtest.Ended(t, r, 0, 143, "told to end by signal: terminated")
	s := ask(runtest.Witness{InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Pending, Reason: "BeginTime", Submit: runtest.Noon.Add(time.Hour)}}})
	if s.State != slurm.Pending || s.Attempt != 0 {
		t.Errorf("requeued: %+v", s)
	}
	runtest.Started(t, r, 1)
	runtest.Ended(t, r, 1, 0, "")
	s = ask(runtest.Witness{InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Completed, Submit: runtest.Noon.Add(time.Hour)}}})
	if s.State != slurm.Completed || s.Attempt != 1 || s.End.Attempt != 1 {
		t.Errorf("the second time: %+v", s)
	}
	// By hand, when the state was settled.
	runtest.Started(t, r, 2)
	s = ask(runtest.Witness{InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Running, Submit: runtest.Noon.Add(time.Hour)}}})
	if s.State != slurm.Running || s.Attempt != 2 {
		t.Errorf("the third time: %+v", s)
	}
	runtest.Ended(t, r, 2, 5, "")
	s = ask(runtest.Witness{InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Failed, Submit: runtest.Noon.Add(time.Hour)}}})
	if s.State != slurm.Failed || s.Attempt != 2 || s.Brief.Exit == nil || *s.Brief.Exit != 5 {
		t.Errorf("the third time's end: %+v", s)
	}
}

// A run whose job id nobody wrote down: its submission was killed.
func TestUnsettled(t *testing.T) {
	at := func(d time.Duration) ledger.About {
		p := runtest.About()
		p.Now = func() time.Time { return runtest.Noon.Add(d) }
		return p
	}
	const unknown = "it is not known whether Slurm took the job"
	for _, tc := range []struct {
		name   string
		after  time.Duration
		w      runtest.Witness
		start  bool
		job    int64
		gone   bool // said not to have been submitted
		reason string
		fails  bool
	}{
		{name: "at once, not found", w: runtest.Witness{}, reason: unknown},
		{name: "at once, found", w: runtest.Witness{Found: []slurm.JobRef{{ID: 9}}, AcctErr: slurm.ErrNoAccounting}, job: 9, reason: "it left the queue without a start"},
		{name: "at once, silent", w: runtest.Witness{FindErr: errors.New("down")}, reason: unknown, fails: true},
		{name: "its own start tells", start: true, w: runtest.Witness{AcctErr: slurm.ErrNoAccounting}, job: 7,
			reason: "it started and left the queue without an end: it was killed, or its node was lost"},
		{name: "an hour later, not found", after: time.Hour, w: runtest.Witness{}, gone: true, reason: "Slurm had no job of this run when it was looked for; one that comes later stops by itself"},
		{name: "an hour later, silent", after: time.Hour, w: runtest.Witness{FindErr: errors.New("down")}, reason: unknown, fails: true},
		{name: "an hour later, found", after: time.Hour, w: runtest.Witness{Found: []slurm.JobRef{{ID: 9}}, AcctErr: slurm.ErrNoAccounting}, job: 9, reason: "it left the queue without a start"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runtest.Create(t, t.TempDir())
			runtest.Write(t, ledger.IntentFile(r, 0), facts.Intent{Schema: facts.IntentSchema, RunID: r.ID, Token: ledger.Token(r), Time: runtest.Noon})
			if tc.start {
				runtest.Started(t, r, 0)
			}
			w := tc.w
			w.T = t
			all, err := status.States(t.Context(), &w, []rundir.Run{r}, at(tc.after))
			s := all[0]
			if (err != nil) != tc.fails || s.State != slurm.Unknown || !strings.HasPrefix(s.Reason, tc.reason) || s.NotSubmitted != tc.gone || s.Job.JobID != tc.job {
				t.Errorf("%s (%s), not submitted: %v, job %d, %v", s.State, s.Reason, s.NotSubmitted, s.Job.JobID, err)
			}
			if w.Submits > 0 {
				t.Error("it was submitted a second time")
			}
		})
	}
}

// A local run needs no Slurm: its files and a lock tell.
func TestLocalStates(t *testing.T) {
	r := runtest.Create(t, t.TempDir())
	if _, err := ledger.Local(r, runtest.About()); err != nil {
		t.Fatal(err)
	}
	state := func() status.Status {
		t.Helper()
		all, err := status.States(t.Context(), nil, []rundir.Run{r}, runtest.About())
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	if s := state(); s.State != slurm.Unknown || !s.Job.Local || s.NotSubmitted {
		t.Errorf("not begun: %+v", s)
	}
	runtest.Started(t, r, 0)
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
	runtest.Ended(t, r, 0, 0, "")
	if s := state(); s.State != slurm.Completed {
		t.Errorf("ended: %+v", s)
	}
	// Interrupted between the intent and the rest, it is still a local one.
	r = runtest.Create(t, t.TempDir())
	if _, err := ledger.Local(r, runtest.About()); err != nil {
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
	r := runtest.Sent(t)
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting}
	steps := []func(){
		func() {
			w.InQueue = []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Pending, Reason: "Priority", Submit: runtest.Noon}}
		},
		func() { w.QueueErr = errors.New("controller is away") },
		func() {
			w.QueueErr = nil
			w.InQueue[0].State, w.InQueue[0].Reason = slurm.Running, ""
			runtest.Started(t, r, 0)
			runtest.Ended(t, r, 0, 1, "") // what follows is asked soon
		},
		func() { w.InQueue[0].State = slurm.OutOfMemory },
	}
	w.OnQueue = func() {
		if len(steps) > 0 {
			steps[0]()
			steps = steps[1:]
		}
	}
	var seen, trouble []string
	s, err := status.Wait(t.Context(), w, r, runtest.About(), func(s status.Status) { seen = append(seen, fmt.Sprintf("%s/%s", s.State, s.Reason)) },
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

// Waiting for what nobody knows has an end.
func TestWaitOnUnknownIsBounded(t *testing.T) {
	r := runtest.Sent(t)
	p, now := runtest.About(), runtest.Noon
	p.Now = func() time.Time { now = now.Add(30 * time.Second); return now }
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting}
	s, err := status.Wait(t.Context(), w, r, p, nil, nil)
	var unsure *ledger.UncertainError
	if !errors.As(err, &unsure) || s.State != slurm.Unknown || !strings.Contains(err.Error(), "nothing is known of it for 2 minutes") {
		t.Errorf("%+v, %v", s, err)
	}
}

// What another cluster says of a run's number is not about the run: it is not
// asked, and nothing is written down.
func TestElsewhere(t *testing.T) {
	r := runtest.Sent(t)
	away := &runtest.Witness{T: t, Name: "there", InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Failed, Submit: runtest.Noon}}}
	all, err := status.States(t.Context(), away, []rundir.Run{r}, runtest.About())
	var e *slurm.ElsewhereError
	if s := all[0]; !errors.As(err, &e) || s.State != slurm.Unknown || s.Over() || away.Queues+away.Accts > 0 ||
		s.Reason != "it is on cluster here, and this shell speaks to cluster there" {
		t.Errorf("%+v, %v", s, err)
	}
	// Its files tell all the same, for the moment.
	runtest.Started(t, r, 0)
	runtest.Ended(t, r, 0, 0, "")
	if all, _ = status.States(t.Context(), away, []rundir.Run{r}, runtest.About()); all[0].State != slurm.Completed || all[0].Elsewhere == "" {
		t.Errorf("%+v", all[0])
	}
	home := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.OutOfMemory, Submit: runtest.Noon}}}
	if all, err = status.States(t.Context(), home, []rundir.Run{r}, runtest.About()); err != nil || all[0].State != slurm.OutOfMemory {
		t.Errorf("%+v, %v", all[0], err)
	}
}

// The submit time that Slurm told once tells the job when its comment does not
// any more; and another job of the same number later.
func TestSeen(t *testing.T) {
	r := runtest.Sent(t)
	job := slurm.Job{ID: 7, Array: 7, Task: -1, State: slurm.Pending, Name: "job", Comment: "nixbatch:" + r.ID, Submit: runtest.Noon.Add(3 * time.Second)}
	look := func() status.Status {
		t.Helper()
		all, err := status.States(t.Context(), &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, InQueue: []slurm.Job{job}}, []rundir.Run{r}, runtest.About())
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	if s := look(); s.State != slurm.Pending || s.Reason != "" {
		t.Errorf("%+v", s)
	}
	job.Name, job.Comment = "x", "seen"
	if s := look(); s.State != slurm.Pending || s.Reason != "its comment and its name were changed" {
		t.Errorf("%+v", s)
	}
	job.Submit = job.Submit.Add(time.Minute)
	if s := look(); s.State != slurm.Unknown {
		t.Errorf("another job is ours: %+v", s)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	r := runtest.Sent(t)
	ctx, cancel := context.WithCancel(t.Context())
	w := &runtest.Witness{T: t, OnQueue: cancel, InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Pending, Submit: runtest.Noon}}}
	if _, err := status.Wait(ctx, w, r, runtest.About(), nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
