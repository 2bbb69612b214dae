package status_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// retried is a run whose job 7 failed, and whose retry became job 8.
func retried(t *testing.T) rundir.Run {
	t.Helper()
	r := runtest.Sent(t)
	runtest.Started(t, r, 0)
	runtest.Ended(t, r, 0, 3, "")
	w := &runtest.Witness{T: t, Take: func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: 8}, nil }}
	if _, err := ledger.Round(t.Context(), r, w, runtest.About(), facts.Intent{Round: 1, Calls: []facts.Call{{Count: 1, Attempt: 1}}}); err != nil {
		t.Fatal(err)
	}
	return r
}

// The end of an attempt before a retry tells nothing of the job after it.
func TestEndBeforeARetry(t *testing.T) {
	down := errors.New("no answer")
	queue := func(state slurm.State, reason string) runtest.Witness {
		return runtest.Witness{AcctErr: slurm.ErrNoAccounting, InQueue: []slurm.Job{{ID: 8, Array: 8, Task: -1, State: state, Reason: reason, Submit: runtest.Noon}}}
	}
	for _, tc := range []struct {
		name      string
		w         runtest.Witness
		cancelled bool
		begun     bool
		state     slurm.State
		reason    string
	}{
		{name: "it waits", w: queue(slurm.Pending, "Priority"), state: slurm.Pending, reason: "Priority"},
		{name: "Slurm does not answer", w: runtest.Witness{QueueErr: down}, state: slurm.Unknown, reason: "slurm does not answer"},
		{name: "it is gone", w: runtest.Witness{AcctErr: slurm.ErrNoAccounting}, state: slurm.Unknown, reason: "it left the queue without a start"},
		{name: "it is gone, and was cancelled", w: runtest.Witness{AcctErr: slurm.ErrNoAccounting}, cancelled: true, state: slurm.Cancelled, reason: "by nixbatch cancel"},
		{name: "it was cancelled while it waited", w: queue(slurm.Cancelled, ""), state: slurm.Cancelled},
		{name: "its node failed before it began", w: queue(slurm.NodeFail, ""), state: slurm.NodeFail},
		{name: "it failed before it began", w: queue(slurm.Failed, "JobLaunchFailure"), state: slurm.Failed, reason: "Slurm could not start it on its node"},
		{name: "it began, and is gone", w: runtest.Witness{AcctErr: slurm.ErrNoAccounting}, begun: true, state: slurm.Unknown,
			reason: "it started and left the queue without an end: it was killed, or its node was lost"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := retried(t)
			if tc.cancelled {
				if err := ledger.Cancelled(r, []string{"8"}, runtest.Noon); err != nil {
					t.Fatal(err)
				}
			}
			if tc.begun {
				runtest.Started(t, r, 1)
			}
			tc.w.T = t
			all, err := status.States(t.Context(), &tc.w, []rundir.Run{r}, runtest.About())
			if s := all[0]; s.State != tc.state || s.Reason != tc.reason || s.JobID() != 8 || (err != nil) != (tc.w.QueueErr != nil) {
				t.Errorf("job %d: %s (%s), %v", s.JobID(), s.State, s.Reason, err)
			}
		})
	}
}

// A retry of which is not known whether Slurm took it is not over, whatever the
// attempt before it left.
func TestRetryThatIsNotSettled(t *testing.T) {
	r := runtest.Sent(t)
	runtest.Started(t, r, 0)
	runtest.Ended(t, r, 0, 3, "")
	dark := errors.New("no answer")
	w := &runtest.Witness{T: t, FindErr: dark, Take: func([]string) (slurm.JobRef, error) {
		return slurm.JobRef{}, &slurm.SubmitError{Ambiguous: true, Err: errors.New("timed out")}
	}}
	_, err := ledger.Round(t.Context(), r, w, runtest.About(), facts.Intent{Round: 1, Calls: []facts.Call{{Count: 1, Attempt: 1}}})
	var unsure *ledger.UncertainError
	if !errors.As(err, &unsure) {
		t.Fatal(err)
	}
	for _, w := range []*runtest.Witness{
		{T: t, FindErr: dark, QueueErr: dark},
		{T: t, FindErr: dark, AcctErr: slurm.ErrNoAccounting},
		{T: t, FindErr: dark, AcctErr: slurm.ErrNoAccounting, InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Failed, Submit: runtest.Noon}}},
	} {
		all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
		if s := all[0]; err == nil || s.Over() || s.JobID() != 0 || s.State != slurm.Unknown || s.Reason != "it is not known whether Slurm took its retry" {
			t.Errorf("%s (%s), %v", s.State, s.Reason, err)
		}
	}
	// Once Slurm answers, and has it, that counts.
	found := &runtest.Witness{T: t, Found: []slurm.JobRef{{ID: 8}}, AcctErr: slurm.ErrNoAccounting,
		InQueue: []slurm.Job{{ID: 8, Array: 8, Task: -1, State: slurm.Running, Submit: runtest.Noon}}}
	all, err := status.States(t.Context(), found, []rundir.Run{r}, runtest.About())
	if s := all[0]; err != nil || s.State != slurm.Running || s.JobID() != 8 {
		t.Errorf("job %d: %s (%s), %v", s.JobID(), s.State, s.Reason, err)
	}
}

// A task that was told to end may have been requeued: while Slurm does not answer,
// nobody knows.
func TestToldToEndAndSilent(t *testing.T) {
	r := runtest.Sent(t)
	runtest.Started(t, r, 0)
	runtest.Ended(t, r, 0, 143, "told to end by signal: terminated")
	all, err := status.States(t.Context(), &runtest.Witness{T: t, QueueErr: errors.New("no answer")}, []rundir.Run{r}, runtest.About())
	if s := all[0]; err == nil || s.Over() || s.Reason != "slurm does not answer" {
		t.Errorf("%s (%s), %v", s.State, s.Reason, err)
	}
}

// What Slurm tells of a later start, which a controller made that had forgotten
// the first, does not undo an end that came before; what it tells of the start
// that ended does.
func TestEndedBeforeALaterStart(t *testing.T) {
	at := runtest.Noon.Add(time.Hour)
	for _, tc := range []struct {
		name  string
		end   facts.End
		job   slurm.Job
		state slurm.State
	}{
		{"cancelled while it waited", facts.End{Time: at}, slurm.Job{State: slurm.Cancelled}, slurm.Completed},
		{"cancelled while it waited, and had failed", facts.End{Time: at, ExitCode: 3}, slurm.Job{State: slurm.Cancelled}, slurm.Failed},
		{"cancelled on a node, later", facts.End{Time: at}, slurm.Job{State: slurm.Cancelled, Nodes: "n1", Start: at.Add(time.Second)}, slurm.Completed},
		{"stopped on a node, later", facts.End{Time: at}, slurm.Job{State: slurm.Failed, Nodes: "n1", Start: at.Add(time.Second)}, slurm.Completed},
		{"cancelled on its node", facts.End{Time: at}, slurm.Job{State: slurm.Cancelled, Nodes: "n1", Start: at.Add(-time.Second)}, slurm.Cancelled},
		{"failed on its node", facts.End{Time: at}, slurm.Job{State: slurm.Failed, Nodes: "n1", Start: at.Add(-time.Second)}, slurm.Failed},
		{"its time limit came", facts.End{Time: at}, slurm.Job{State: slurm.TimedOut, Start: at.Add(time.Second)}, slurm.TimedOut},
		{"told to end", facts.End{Time: at, ExitCode: 143, Reason: "told to end by signal: terminated"}, slurm.Job{State: slurm.Cancelled}, slurm.Cancelled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runtest.Sent(t)
			runtest.Started(t, r, 0)
			tc.end.Schema, tc.end.RunID = facts.EndSchema, r.ID
			runtest.Write(t, r.EndFile(0, 0), tc.end)
			tc.job.ID, tc.job.Array, tc.job.Task, tc.job.Submit = 7, 7, -1, runtest.Noon
			for _, w := range []*runtest.Witness{
				{T: t, AcctErr: slurm.ErrNoAccounting, InQueue: []slurm.Job{tc.job}},
				{T: t, Acct: []slurm.AcctJob{{AcctStep: slurm.AcctStep{State: tc.job.State, Start: tc.job.Start}, ID: 7, Array: 7, Task: -1, Submit: runtest.Noon, Nodes: tc.job.Nodes}}},
			} {
				all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
				if s := all[0]; err != nil || s.State != tc.state {
					t.Errorf("%s (%s), %v", s.State, s.Reason, err)
				}
			}
		})
	}
}

// A task whose agent lives is not failed because a later start, which Slurm made
// beside it, stopped by itself.
func TestFailedBesideOneThatLives(t *testing.T) {
	r := runtest.Sent(t)
	runtest.Started(t, r, 0)
	alive, err := rundir.HoldAlive(r.AliveFile(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	ask := func() status.Status {
		t.Helper()
		all, err := status.States(t.Context(), &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting,
			InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Failed, Nodes: "n1", Submit: runtest.Noon}}}, []rundir.Run{r}, runtest.About())
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	if s := ask(); s.State != slurm.Running || !strings.Contains(s.Reason, "holds its lock") {
		t.Errorf("%s (%s)", s.State, s.Reason)
	}
	if err := alive.Close(); err != nil {
		t.Fatal(err)
	}
	if s := ask(); s.State != slurm.Failed || s.Reason != "the agent was killed before it could write the end" {
		t.Errorf("%s (%s)", s.State, s.Reason)
	}
}

// A task of an array that is gone without a start was cancelled by hand, or failed
// before it could write anything: nobody says which.
func TestTaskGoneWithoutAStart(t *testing.T) {
	r := runtest.Create(t, t.TempDir())
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, Take: func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: 7}, nil },
		InQueue: []slurm.Job{{ID: 7, Array: 7, Task: 1, State: slurm.Pending, Submit: runtest.Noon}}}
	if _, err := ledger.Submit(t.Context(), r, w, runtest.About(), []facts.Call{{Array: "0-2", Count: 3}}); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Cancelled(r, []string{"7_2"}, runtest.Noon); err != nil {
		t.Fatal(err)
	}
	all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
	if err != nil {
		t.Fatal(err)
	}
	var got []slurm.State
	for _, k := range all[0].Tasks {
		got = append(got, k.State)
	}
	if !slices.Equal(got, []slurm.State{slurm.Unknown, slurm.Pending, slurm.Cancelled}) {
		t.Errorf("%v", got)
	}
}
