package runs_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/internal/runs"
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
		w      witness
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
			w: witness{queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Running, Submit: noon}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := sent(t)
			if tc.start {
				started(t, r, 0)
			}
			if tc.end >= 0 {
				ended(t, r, 0, tc.end, tc.endWhy)
			}
			logged(t, r.LogFile(0), tc.log...)
			if tc.cancel != nil {
				if err := r.Cancelled(tc.cancel, noon); err != nil {
					t.Fatal(err)
				}
			}
			w := tc.w
			w.t, w.acctErr = t, slurm.ErrNoAccounting
			all, err := runs.States(t.Context(), &w, []runs.Run{r}, facts())
			if err != nil || all[0].State != tc.state || all[0].Reason != tc.reason {
				t.Errorf("%s (%s), %v", all[0].State, all[0].Reason, err)
			}
		})
	}
}

// An earlier attempt's end is none of the one after.
func TestLastWordsOfAnAttempt(t *testing.T) {
	r := sent(t)
	started(t, r, 0)
	started(t, r, 1)
	ask := func() runs.Status {
		t.Helper()
		all, err := runs.States(t.Context(), &witness{t: t, acctErr: slurm.ErrNoAccounting}, []runs.Run{r}, facts())
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
	r := sent(t)
	for _, ids := range [][]string{{"7"}, {"8_1", "8_2"}} {
		if err := r.Cancelled(ids, noon); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{"/cancel.json": "7", "/cancel-1.json": "8_1 8_2"} {
		var c record.Cancel
		err := record.Read(r.Dir+file, &c)
		if err != nil || strings.Join(c.Jobs, " ") != want || !c.Time.Equal(noon) || c.Schema != record.CancelSchema || c.RunID != r.ID {
			t.Errorf("%s: %+v, %v", file, c, err)
		}
	}
}

// Failed, and why.
func TestReasonsOfFailures(t *testing.T) {
	for _, tc := range []struct {
		name, slurm string
		start       bool
		end         int
		want        string
	}{
		{"no start", "JobLaunchFailure", false, -1, "Slurm could not start it on its node"},
		{"no start, no word", "None", false, -1, ""},
		{"a word that nobody knows", "Moonshine", false, -1, "Slurm says: Moonshine"},
		{"the agent was killed", "NonZeroExitCode", true, -1, "the agent was killed before it could write the end"},
		{"the agent was killed, by a signal", "RaisedSignal:9(Killed)", true, -1, "the agent was killed before it could write the end: it was ended by signal 9"},
		{"plain", "NonZeroExitCode", true, 3, "exit code 3"},
		{"killed", "NonZeroExitCode", true, 137, "exit code 137: killed, often out of memory"},
		{"segmentation fault", "NonZeroExitCode", true, 139, "exit code 139: segmentation fault"},
		{"illegal instruction", "NonZeroExitCode", true, 132, "exit code 132: illegal instruction"},
		{"abort", "NonZeroExitCode", true, 134, "exit code 134: aborted"},
		{"pipe", "NonZeroExitCode", true, 141, "exit code 141: a pipe was closed early"},
		{"not executable", "NonZeroExitCode", true, 126, "exit code 126: not executable"},
		{"not found", "NonZeroExitCode", true, 127, "exit code 127: command not found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := sent(t)
			if tc.start {
				started(t, r, 0)
			}
			if tc.end >= 0 {
				ended(t, r, 0, tc.end, "")
			}
			w := &witness{t: t, acctErr: slurm.ErrNoAccounting, queue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Failed, Reason: tc.slurm, Submit: noon}}}
			all, err := runs.States(t.Context(), w, []runs.Run{r}, facts())
			if err != nil || all[0].State != slurm.Failed || all[0].Reason != tc.want {
				t.Errorf("%s (%s), %v", all[0].State, all[0].Reason, err)
			}
			if tc.end < 100 {
				return
			}
			y, err := r.Explain(t.Context(), w, -1, facts())
			if err != nil || len(y.Next) != 2 {
				t.Errorf("%+v, %v", y, err)
			}
		})
	}
}

// Outputs that are missing and inputs that changed leave a run completed, and
// are told.
func TestNotes(t *testing.T) {
	r := sent(t)
	started(t, r, 0)
	write(t, r.EndFile(0, 0), record.End{Schema: record.EndSchema, RunID: r.ID, Elapsed: 0.25,
		Outputs: []record.File{{Path: "yes.txt", SHA256: "00"}, {Path: "big", Skipped: "over the limit of 1 GiB"}, {Path: "no.txt", Skipped: "no such file"}},
		Changed: []record.InputChange{{Path: "in", What: "other contents at the end"}, {Path: "large", What: "over the limit of 1 GiB"}}})
	w := &witness{t: t, acctErr: slurm.ErrNoAccounting}
	for range 2 { // then from what was kept
		all, err := runs.States(t.Context(), w, []runs.Run{r}, facts())
		if err != nil || all[0].State != slurm.Completed || all[0].Brief.Note != "output no.txt missing, and 1 more" {
			t.Errorf("%s, %+v, %v", all[0].State, all[0].Brief, err)
		}
	}
	y, err := r.Explain(t.Context(), w, -1, facts())
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
	r := create(t, t.TempDir())
	w := &witness{t: t, acctErr: slurm.ErrNoAccounting, submit: func([]string) (slurm.JobID, error) { return slurm.JobID{ID: 7}, nil }}
	if _, err := r.SubmitCalls(t.Context(), w, facts(), []record.Call{{Array: "0-4", Count: 5}}); err != nil {
		t.Fatal(err)
	}
	for task, raw := range []int64{8, 9, 10, 11} {
		write(t, r.StartFile(task, 0), record.Start{Schema: record.StartSchema, RunID: r.ID, JobID: raw, Task: task})
	}
	for task, out := range map[int]string{0: "a.txt", 3: "d.txt"} {
		write(t, r.EndFile(task, 0), record.End{Schema: record.EndSchema, RunID: r.ID, Task: task, Outputs: []record.File{{Path: out, Skipped: "no such file"}}})
	}
	logged(t, r.SlurmLog(), "slurmstepd: error: *** JOB 10 ON n1 CANCELLED AT 2026-03-01T12:00:00 DUE TO TIME LIMIT ***",
		"slurmstepd: error: *** JOB 9 ON n1 CANCELLED AT 2026-03-01T12:00:00 ***")
	if err := r.Cancelled([]string{"7_4"}, noon); err != nil {
		t.Fatal(err)
	}
	all, err := runs.States(t.Context(), w, []runs.Run{r}, facts())
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
	if s.LogTask() != 1 || r.LogTask() != 1 {
		t.Errorf("the log of task %d, from the files %d", s.LogTask(), r.LogTask())
	}
}

// child is a run that comes after another; Slurm took it as job 8.
func child(t *testing.T, parent runs.Run, after []string, options ...string) runs.Run {
	t.Helper()
	_, c := creation(t, t.TempDir())
	c.Plan.After = after
	r, err := parent.Project.Create(c)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{t: t, submit: func([]string) (slurm.JobID, error) { return slurm.JobID{ID: 8}, nil }}
	if _, err := r.SubmitCalls(t.Context(), w, facts(), []record.Call{{Count: 1, Options: options}}); err != nil {
		t.Fatal(err)
	}
	return r
}

// A retry waits for what the first submission waited for, and does not start
// what can never run.
func TestRetryLooksAtParents(t *testing.T) {
	job := func(id int64, st slurm.State, reason string) slurm.Job {
		return slurm.Job{ID: id, Array: id, Task: -1, State: st, Reason: reason, Submit: noon}
	}
	for _, tc := range []struct {
		name    string
		chained bool
		parent  slurm.State
		want    string // of the options
		fails   bool
	}{
		{"failed", false, slurm.Failed, "", true},
		{"failed, of a chain", true, slurm.Failed, "", true},
		{"running again", false, slurm.Running, "--dependency=afterok:7", false},
		{"running again, of a chain", true, slurm.Running, "--dependency=afterok:7", false},
		{"completed", false, slurm.Completed, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			parent := sent(t)
			after, options := []string{parent.ID}, []string(nil)
			if tc.chained {
				after, options = nil, []string{"--dependency=afterok:7", "--kill-on-invalid-dep=yes"}
			}
			r := child(t, parent, after, options...)
			var args []string
			w := &witness{t: t, acctErr: slurm.ErrNoAccounting,
				queue:  []slurm.Job{job(7, tc.parent, ""), job(8, slurm.Cancelled, "DependencyNeverSatisfied")},
				submit: func(a []string) (slurm.JobID, error) { args = a; return slurm.JobID{ID: 9}, nil }}
			y, err := r.Explain(t.Context(), w, -1, facts())
			if err != nil {
				t.Fatal(err)
			}
			if first := y.Next[0]; tc.fails != strings.HasPrefix(first, "nixbatch retry "+parent.ID+" first") {
				t.Errorf("next: %q", y.Next)
			}
			_, _, err = r.Retry(t.Context(), w, runs.Again{Task: -1, MaxArray: 1001}, facts())
			var e *runs.Error
			if tc.fails {
				if !errors.As(err, &e) || !strings.Contains(err.Error(), parent.ID) || !strings.Contains(e.Hint(), "nixbatch retry "+parent.ID) || w.submits > 0 {
					t.Errorf("%v, %d submissions", err, w.submits)
				}
				return
			}
			dep := ""
			for _, a := range args {
				if strings.HasPrefix(a, "--dependency=") {
					dep = a
				}
			}
			if err != nil || dep != tc.want {
				t.Errorf("%v, called with %q", err, args)
			}
		})
	}
}

// Where there is no Slurm it is said so, in one way.
func TestNoSlurm(t *testing.T) {
	_, absent := (proc.System{}).Run(context.Background(), proc.Cmd{Path: "nixbatch-test-no-such-command"})
	r := sent(t)
	w := &witness{t: t, queueErr: absent}
	_, err := runs.States(t.Context(), w, []runs.Run{r}, facts())
	var none *runs.NoSlurmError
	if !errors.As(err, &none) || err.Error() != "there is no Slurm on this machine" || none.Hint() == "" {
		t.Errorf("%v", err)
	}
	_, _, err = r.Retry(t.Context(), w, runs.Again{Task: -1}, facts())
	var unsure *runs.UncertainError
	if !errors.As(err, &unsure) || !strings.HasSuffix(err.Error(), ": there is no Slurm on this machine") || unsure.Hint() != none.Hint() {
		t.Errorf("%v", err)
	}
	// What it died of is known; what is there is not.
	ended(t, r, 0, 1, "")
	all, err := runs.States(t.Context(), &witness{t: t, acctErr: slurm.ErrNoAccounting}, []runs.Run{r}, facts())
	if err != nil || all[0].State != slurm.Failed {
		t.Fatalf("%+v, %v", all[0], err)
	}
	_, _, err = r.Retry(t.Context(), w, runs.Again{Task: -1, Ready: func() error { return none }}, facts())
	if !errors.As(err, &none) || errors.As(err, &unsure) || w.submits > 0 {
		t.Errorf("%v, %d submissions", err, w.submits)
	}
	if plain := errors.New("no answer"); runs.FromSlurm(plain) != plain || runs.FromSlurm(nil) != nil {
		t.Error("another error was changed")
	}
}

func TestShort(t *testing.T) {
	long := runs.Short(strings.Repeat("wörd ", 100))
	if n := len([]rune(long)); n != 200 || !strings.HasSuffix(long, "…") {
		t.Errorf("%d characters: %s", n, long)
	}
	if got := runs.Short(" two\n\tlines "); got != "two lines" {
		t.Errorf("%q", got)
	}
	for n, want := range map[int]string{0: "0 tasks", 1: "1 task", 2: "2 tasks"} {
		if got := runs.Plural(n, "task"); got != want {
			t.Errorf("%q", got)
		}
	}
}
