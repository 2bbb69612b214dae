package status_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/why"
	"github.com/nixbatch/nixbatch/slurm"
)

func logged(t *testing.T, file string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A job that Slurm has forgotten: its log, and nixbatch cancel, tell.
func TestLastWords(t *testing.T) {
	const (
		limit  = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-03-01T12:00:00 DUE TO TIME LIMIT ***"
		byHand = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-03-01T12:00:00 ***"
		gone   = "it started and left the queue without an end: it was killed, or its node was lost"
	)
	for _, tc := range []struct {
		name   string
		log    []string
		cancel []string
		start  bool
		end    int // -1: none
		endWhy string
		w      runtest.Witness
		state  slurm.State
		reason string
	}{
		{name: "nothing was said", start: true, end: -1, log: []string{"hello"}, state: slurm.Unknown, reason: gone},
		{name: "time limit", start: true, end: -1, log: []string{"hello", limit}, state: slurm.TimedOut, reason: "its time limit came"},
		{name: "time limit, behind output without a line's end", start: true, end: -1, log: []string{strings.Repeat("50%\r", 500) + limit}, state: slurm.TimedOut, reason: "its time limit came"},
		{name: "time limit, and the agent wrote the end", start: true, end: 143, endWhy: "told to end by signal: terminated", log: []string{limit}, state: slurm.TimedOut, reason: "its time limit came"},
		{name: "scancel by hand", start: true, end: -1, log: []string{byHand}, state: slurm.Cancelled},
		{name: "another job's", start: true, end: -1, log: []string{strings.Replace(limit, "JOB 7 ", "JOB 77 ", 1)}, state: slurm.Unknown, reason: gone},
		{name: "only a step's", start: true, end: -1, log: []string{strings.Replace(limit, "JOB 7 ", "STEP 7.0 ", 1)}, state: slurm.Unknown, reason: gone},
		{name: "a requeue is no end", start: true, end: -1, log: []string{strings.Replace(limit, "TIME LIMIT", "JOB REQUEUE", 1)}, state: slurm.Unknown, reason: gone},
		{name: "node failure", start: true, end: -1, log: []string{strings.Replace(limit, "TIME LIMIT", "NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS", 1)}, state: slurm.NodeFail, reason: "its node was lost"},
		{name: "preempted", start: true, end: -1, log: []string{strings.Replace(limit, "TIME LIMIT", "PREEMPTION", 1)}, state: slurm.Cancelled, reason: "preempted by a job of higher priority"},
		{name: "nixbatch cancel, waiting", cancel: []string{"7"}, end: -1, state: slurm.Cancelled, reason: "by nixbatch cancel"},
		{name: "nixbatch cancel, running", cancel: []string{"7"}, start: true, end: -1, state: slurm.Cancelled, reason: "by nixbatch cancel"},
		{name: "nixbatch cancel, and the agent wrote the end", cancel: []string{"7"}, start: true, end: 143, endWhy: "told to end by signal: terminated", state: slurm.Cancelled, reason: "by nixbatch cancel"},
		{name: "nixbatch cancel came too late", cancel: []string{"7"}, start: true, end: 0, state: slurm.Completed},
		{name: "nixbatch cancel of another job", cancel: []string{"8"}, start: true, end: -1, state: slurm.Unknown, reason: gone},
		{name: "the queue still has it", cancel: []string{"7"}, start: true, end: -1, state: slurm.Running,
			w: runtest.Witness{InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Running, Submit: runtest.Noon}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runtest.Sent(t)
			if tc.start {
				runtest.Started(t, r, 0)
			}
			if tc.end >= 0 {
				runtest.Ended(t, r, 0, tc.end, tc.endWhy)
			}
			logged(t, r.LogFile(0), tc.log...)
			if tc.cancel != nil {
				if err := ledger.Cancelled(r, tc.cancel, runtest.Noon); err != nil {
					t.Fatal(err)
				}
			}
			w := tc.w
			w.T, w.AcctErr = t, slurm.ErrNoAccounting
			all, err := status.States(t.Context(), &w, []rundir.Run{r}, runtest.About())
			if err != nil || all[0].State != tc.state || all[0].Reason != tc.reason {
				t.Errorf("%s (%s), %v", all[0].State, all[0].Reason, err)
			}
		})
	}
}

// An earlier attempt's end is none of the one after.
func TestLastWordsOfAnAttempt(t *testing.T) {
	r := runtest.Sent(t)
	runtest.Started(t, r, 0)
	runtest.Started(t, r, 1)
	ask := func() status.Status {
		t.Helper()
		all, err := status.States(t.Context(), &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting}, []rundir.Run{r}, runtest.About())
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	line := func(at time.Time) string {
		return "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT " + at.Local().Format("2006-01-02T15:04:05") + " DUE TO TIME LIMIT ***"
	}
	logged(t, r.LogFile(0), line(time.Now().Add(-time.Hour)))
	if s := ask(); s.State != slurm.Unknown {
		t.Errorf("%s (%s)", s.State, s.Reason)
	}
	logged(t, r.LogFile(0), line(time.Now().Add(time.Second)))
	if s := ask(); s.State != slurm.TimedOut {
		t.Errorf("%s (%s)", s.State, s.Reason)
	}
}

// Each cancelling leaves a fact of its own.
func TestCancelled(t *testing.T) {
	r := runtest.Sent(t)
	for _, ids := range [][]string{{"7"}, {"8_1", "8_2"}} {
		if err := ledger.Cancelled(r, ids, runtest.Noon); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{"/cancel.json": "7", "/cancel-1.json": "8_1 8_2"} {
		var c facts.Cancel
		err := durable.Read(r.Dir+file, &c)
		if err != nil || strings.Join(c.Jobs, " ") != want || !c.Time.Equal(runtest.Noon) || c.Schema != facts.CancelSchema || c.RunID != r.ID {
			t.Errorf("%s: %+v, %v", file, c, err)
		}
	}
}

// Outputs that are missing and inputs that changed leave a run completed, and
// are told.
func TestNotes(t *testing.T) {
	r := runtest.Sent(t)
	runtest.Started(t, r, 0)
	runtest.Write(t, r.EndFile(0, 0), facts.End{Schema: facts.EndSchema, RunID: r.ID, Elapsed: 0.25,
		Outputs: []facts.File{{Path: "yes.txt", SHA256: "00"}, {Path: "big", Skipped: "over the limit of 1 GiB"}, {Path: "no.txt", Skipped: "no such file"}},
		Changed: []facts.InputChange{{Path: "in", What: "other contents at the end"}, {Path: "large", What: "over the limit of 1 GiB"}}})
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting}
	for range 2 { // then from what was kept
		all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
		if err != nil || all[0].State != slurm.Completed || all[0].Brief.Note != "output no.txt missing, and 1 more" {
			t.Errorf("%s, %+v, %v", all[0].State, all[0].Brief, err)
		}
	}
	y, err := why.Explain(t.Context(), r, w, -1, runtest.About())
	if err != nil || !slices.Equal(y.Notes, []string{"output no.txt missing", "input in changed during the run"}) {
		t.Errorf("%+v, %v", y, err)
	}
	if y.Time == nil || y.Time.Exact == nil || *y.Time.Exact != 0.25 {
		t.Errorf("time: %+v", y.Time)
	}
}

// Of a sweep: slurmstepd names a task by its own number; the log that is shown
// is that of the first task that failed; notes are told with the counts.
func TestSweepEnds(t *testing.T) {
	r := runtest.Create(t, t.TempDir())
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, Take: func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: 7}, nil }}
	if _, err := ledger.Submit(t.Context(), r, w, runtest.About(), []facts.Call{{Array: "0-4", Count: 5}}); err != nil {
		t.Fatal(err)
	}
	for task, raw := range []int64{8, 9, 10, 11} {
		runtest.Write(t, r.StartFile(task, 0), facts.Start{Schema: facts.StartSchema, RunID: r.ID, JobID: raw, Task: task})
	}
	for task, out := range map[int]string{0: "a.txt", 3: "d.txt"} {
		runtest.Write(t, r.EndFile(task, 0), facts.End{Schema: facts.EndSchema, RunID: r.ID, Task: task, Outputs: []facts.File{{Path: out, Skipped: "no such file"}}})
	}
	logged(t, r.SlurmLog(), "slurmstepd: error: *** JOB 10 ON n1 CANCELLED AT 2026-03-01T12:00:00 DUE TO TIME LIMIT ***",
		"slurmstepd: error: *** JOB 9 ON n1 CANCELLED AT 2026-03-01T12:00:00 ***")
	if err := ledger.Cancelled(r, []string{"7_4"}, runtest.Noon); err != nil {
		t.Fatal(err)
	}
	all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
	if err != nil {
		t.Fatal(err)
	}
	s := all[0]
	var got []string
	for _, k := range s.Tasks {
		got = append(got, string(k.State)+" "+k.Reason)
	}
	if want := "completed , cancelled , timeout its time limit came, completed , cancelled by nixbatch cancel"; strings.Join(got, ", ") != want {
		t.Errorf("tasks: %q", got)
	}
	if want := "completed 2, timeout 1, cancelled 2; task 0: output a.txt missing, and 1 task more like it"; s.State != slurm.TimedOut || s.Reason != want {
		t.Errorf("%s (%s)", s.State, s.Reason)
	}
	if s.LogTask() != 1 || status.LogTask(r) != 1 {
		t.Errorf("the log of task %d, from the files %d", s.LogTask(), status.LogTask(r))
	}
}
