package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// stranger is a job of somebody else's under the number 7.
var stranger = slurm.Job{ID: 7, Array: 7, Task: -1, Name: "other", User: "bob", State: slurm.Pending, Submit: runtest.Noon}

func submitted(t *testing.T, r rundir.Run) (s facts.Submit) {
	t.Helper()
	if err := durable.Read(r.SubmitFile(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// stops says whether an error is that of a copy of a job.
func stops(err error, of int64) bool {
	return fault.KindOf(err) == fault.Copied && strings.Contains(err.Error(), fmt.Sprintf("is job %d:", of))
}

// A job that finds another's number as sbatch's answer asks whose that is: where
// it is no job of this call, it takes the run over, and the record names it.
func TestTakeOver(t *testing.T) {
	mine := func(comment string) []slurm.Job {
		j := stranger
		j.Comment, j.User = comment, ""
		return []slurm.Job{j}
	}
	for _, tc := range []struct {
		name  string
		queue func(r rundir.Run) []slurm.Job
		acct  []slurm.AcctJob
		over  bool
	}{
		{"another's", func(rundir.Run) []slurm.Job { return []slurm.Job{stranger} }, nil, true},
		{"nobody's", func(rundir.Run) []slurm.Job { return nil }, nil, true},
		{"another's by the accounting", func(rundir.Run) []slurm.Job { return nil }, []slurm.AcctJob{{Array: 7, User: "bob", Name: "x"}}, true},
		{"another run's", func(rundir.Run) []slurm.Job { return mine("nixbatch:job-20260101-000000-aaaa") }, nil, true},
		{"another call's", func(r rundir.Run) []slurm.Job { return mine(ledger.Token(r) + "/1.0") }, nil, true},
		{"this call's", func(r rundir.Run) []slurm.Job { return mine(ledger.Token(r) + ",sha256:ab") }, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runtest.Sent(t)
			w := &runtest.Witness{T: t, InQueue: tc.queue(r), Acct: tc.acct}
			instead, err := ledger.Witness(t.Context(), r, facts.Ticket{}, job(8), w, runtest.About())
			s := submitted(t, r)
			switch {
			case tc.over && (err != nil || instead != 7 || s.JobID != 8 || s.Instead != 7 || s.How != "start" || s.Jobs[0].JobID != 8):
				t.Errorf("%v, instead of %d: %+v", err, instead, s)
			case !tc.over && (!stops(err, 7) || s.JobID != 7):
				t.Errorf("%v: %+v", err, s)
			}
			if jobs, err := ledger.Jobs(r); err != nil || len(jobs) != 1 || jobs[0].JobID != s.JobID {
				t.Errorf("%+v, %v", jobs, err)
			}
		})
	}
}

// Of jobs that find a wrong number in the same instant exactly one has the run.
func TestTakeOverOfMany(t *testing.T) {
	r := runtest.Sent(t)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			w := &runtest.Witness{T: t, InQueue: []slurm.Job{stranger}}
			_, errs[i] = ledger.Witness(t.Context(), r, facts.Ticket{}, job(int64(i+10)), w, runtest.About())
		})
	}
	wg.Wait()
	s := submitted(t, r)
	for i, err := range errs {
		if mine := s.JobID == int64(i+10); mine != (err == nil) || !mine && !stops(err, s.JobID) {
			t.Errorf("job %d, the run is job %d: %v", i+10, s.JobID, err)
		}
	}
	if s.JobID < 10 || s.Instead != 7 {
		t.Errorf("%+v", s)
	}
}

// What the run's own files show needs no question, and nothing is taken over.
func TestNotTakenOver(t *testing.T) {
	for name, prove := range map[string]func(t *testing.T, r rundir.Run){
		"seen": func(t *testing.T, r rundir.Run) {
			ledger.Seen(r, slurm.Wanted{JobRef: slurm.JobRef{ID: 7}}, runtest.Noon, runtest.Noon)
		},
		"cancelled": func(t *testing.T, r rundir.Run) {
			if err := ledger.Cancelled(r, []string{"7"}, runtest.Noon); err != nil {
				t.Fatal(err)
			}
		},
		"begun": func(t *testing.T, r rundir.Run) {
			if err := os.MkdirAll(r.AttemptDir(0, 0), 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"stopped before": func(t *testing.T, r rundir.Run) {
			runtest.Write(t, filepath.Join(r.Dir, "copies", "8.json"), facts.Copy{Schema: facts.CopySchema, RunID: r.ID, JobID: 8})
		},
	} {
		r := runtest.Sent(t)
		prove(t, r)
		w := &runtest.Witness{T: t}
		_, err := ledger.Witness(t.Context(), r, facts.Ticket{}, job(8), w, runtest.About())
		if !stops(err, 7) || w.Queues != 0 || submitted(t, r).JobID != 7 {
			t.Errorf("%s: %v, asked %d times", name, err, w.Queues)
		}
	}
}

// Where Slurm cannot be asked the answer stands, and the copy says why it stops;
// an answer that comes late serves.
func TestTakeOverUnasked(t *testing.T) {
	defer ledger.AskAgain(0, 0, 0)()
	gone := &slurm.CommandError{Missing: true, Err: errors.New("no squeue on this node")}
	r := runtest.Sent(t)
	w := &runtest.Witness{T: t, QueueErr: gone}
	_, err := ledger.Witness(t.Context(), r, facts.Ticket{}, job(8), w, runtest.About())
	if err == nil || !strings.Contains(err.Error(), "sbatch said that run "+r.ID+" is job 7, and Slurm could not be asked whether that is so: job 8 stops: no squeue on this node") || w.Queues != 3 {
		t.Errorf("%v, asked %d times", err, w.Queues)
	}
	for _, fault := range []error{errors.New("timed out"), gone} { // the program is away for a moment
		r = runtest.Sent(t)
		w = &runtest.Witness{T: t, QueueErr: fault}
		w.OnQueue = func() {
			if w.Queues > 1 {
				w.QueueErr = nil
			}
		}
		if _, err := ledger.Witness(t.Context(), r, facts.Ticket{}, job(8), w, runtest.About()); err != nil || w.Queues != 2 || submitted(t, r).JobID != 8 {
			t.Errorf("%v: %v, asked %d times", fault, err, w.Queues)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r = runtest.Sent(t)
	w = &runtest.Witness{T: t, QueueErr: context.Canceled}
	if _, err := ledger.Witness(ctx, r, facts.Ticket{}, job(8), w, runtest.About()); !errors.Is(err, context.Canceled) || submitted(t, r).JobID != 7 {
		t.Errorf("%v", err)
	}
}

// What stands in sbatch's place is not believed before Slurm was asked.
func TestWrappedSubmit(t *testing.T) {
	for _, tc := range []struct {
		name string
		w    runtest.Witness
		want facts.Submit
		err  string
	}{
		{"right", runtest.Witness{InQueue: []slurm.Job{{Array: 7, Task: -1, Comment: "nixbatch:RUN", Submit: runtest.Noon}}},
			facts.Submit{JobID: 7, How: "queue", Submitted: runtest.Noon}, ""},
		{"another's", runtest.Witness{InQueue: []slurm.Job{stranger}, Found: []slurm.JobRef{{ID: 9, Submitted: runtest.Noon}}},
			facts.Submit{JobID: 9, How: "queue", Submitted: runtest.Noon}, ""},
		{"nobody's", runtest.Witness{AcctErr: slurm.ErrNoAccounting}, facts.Submit{How: "none"}, "slurm did not take the job: sbatch answered 7, and Slurm has no such job"},
		{"not to be asked", runtest.Witness{QueueErr: errors.New("away")}, facts.Submit{JobID: 7, How: "sbatch", Unconfirmed: true}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runtest.Create(t, t.TempDir())
			w := tc.w
			w.T, w.Wrapped = t, true
			for i, j := range w.InQueue {
				w.InQueue[i].Comment = strings.Replace(j.Comment, "RUN", r.ID, 1)
			}
			w.Take = func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: 7}, nil }
			s, err := ledger.Submit(t.Context(), r, &w, runtest.About(), nil)
			if (err != nil) != (tc.err != "") || err != nil && err.Error() != tc.err {
				t.Errorf("%v", err)
			}
			if s.JobID != tc.want.JobID || s.How != tc.want.How || s.Unconfirmed != tc.want.Unconfirmed || !s.Submitted.Equal(tc.want.Submitted) || w.Submits != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A run whose number Slurm shows as another's is found by its tokens, once for
// all, and nothing is said of the other job; where it has none, that is known
// when none can come any more.
func TestCorrect(t *testing.T) {
	r := runtest.Sent(t)
	w := &runtest.Witness{T: t, InQueue: []slurm.Job{stranger}, Found: []slurm.JobRef{{ID: 9, Submitted: runtest.Noon}}, AcctErr: slurm.ErrNoAccounting}
	w.OnQueue = func() {
		if w.Finds > 0 {
			w.InQueue = []slurm.Job{{ID: 9, Array: 9, Task: -1, State: slurm.Running, Submit: runtest.Noon}}
		}
	}
	all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
	if err != nil || all[0].JobID() != 9 || all[0].State != slurm.Running || all[0].Reason != "sbatch had answered 7, which is not its job" {
		t.Errorf("%+v, %v", all[0], err)
	}
	if s := submitted(t, r); s.JobID != 9 || s.Instead != 7 || s.How != "queue" || w.Finds != 1 {
		t.Errorf("%+v, looked for %d times", s, w.Finds)
	}
	if w.Marks.Token != ledger.Token(r) || w.Marks.Output != "runs/"+r.ID+"/logs/" {
		t.Errorf("%+v", w.Marks)
	}
	if _, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About()); err != nil || w.Finds != 1 {
		t.Errorf("%v, looked for %d times", err, w.Finds)
	}

	r = runtest.Sent(t)
	w = &runtest.Witness{T: t, InQueue: []slurm.Job{stranger}, AcctErr: slurm.ErrNoAccounting}
	if all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About()); err != nil || all[0].State != slurm.Unknown || all[0].NotSubmitted {
		t.Errorf("%+v, %v", all[0], err)
	}
	late := runtest.About()
	late.Now = func() time.Time { return runtest.Noon.Add(time.Hour) }
	if all, err := status.States(t.Context(), w, []rundir.Run{r}, late); err != nil || !all[0].NotSubmitted {
		t.Errorf("%+v, %v", all[0], err)
	}
	// A job that comes all the same finds that, and stops.
	if _, err := ledger.Witness(t.Context(), r, facts.Ticket{}, job(8), nil, late); fault.KindOf(err) != fault.Copied || !strings.Contains(err.Error(), "was given up before job 8 started") {
		t.Errorf("%v", err)
	}
}

// Where Slurm's commands speak to several clusters nothing is submitted, and it is
// said why.
func TestManyClusters(t *testing.T) {
	r := runtest.Create(t, t.TempDir())
	c := &slurm.Client{Env: []string{"SLURM_CLUSTERS=alpha,beta", "PATH=" + t.TempDir()}}
	_, err := ledger.Submit(t.Context(), r, c, runtest.About(), nil)
	var e *ledger.SlurmError
	if !errors.As(err, &e) || e.Error() != "SLURM_CLUSTERS=alpha,beta names several clusters, and a job is followed on one" || !strings.HasPrefix(e.Hint(), "set SLURM_CLUSTERS to the one") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(r.Dir); !os.IsNotExist(err) {
		t.Errorf("the directory: %v", err)
	}
}

// A correction that is there and cannot be read, or says nothing, is no silence of
// Slurm's: that is told, of its own run alone, and nothing is cancelled.
func TestUnreadCorrection(t *testing.T) {
	for _, text := range []string{"", "garbage{", "null", "{}", "[]", `{"job_id": -5, "how": "start"}`, `{"how": "start"}`} {
		bad, good := runtest.Sent(t), runtest.Sent(t)
		file := filepath.Join(bad.Dir, "calls", "0-0-corrected.json")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o400)); err != nil {
			t.Fatal(err)
		}
		w := &runtest.Witness{T: t, InQueue: []slurm.Job{stranger}, Found: []slurm.JobRef{{ID: 9, Submitted: runtest.Noon}}, AcctErr: slurm.ErrNoAccounting}
		w.OnQueue = func() {
			if w.Finds > 0 {
				w.InQueue = []slurm.Job{{ID: 9, Array: 9, Task: -1, State: slurm.Running, Submit: runtest.Noon}}
			}
		}
		all, err := status.States(t.Context(), w, []rundir.Run{bad, good}, runtest.About())
		var files *ledger.UnreadError
		if err != nil && !errors.As(err, &files) {
			t.Errorf("%q: %v", text, err)
		}
		if s := all[0]; s.State != slurm.Unknown || s.NotSubmitted || s.Unreadable() == nil || !strings.Contains(s.Reason, "0-0-corrected.json") || strings.Contains(s.Reason, "does not answer") {
			t.Errorf("%q: %s, not submitted %v: %s", text, s.State, s.NotSubmitted, s.Reason)
		}
		if s := all[1]; s.State != slurm.Running || s.JobID() != 9 {
			t.Errorf("%q: the other run is %s: %s", text, s.State, s.Reason)
		}
		_, err = ledger.Witness(t.Context(), bad, facts.Ticket{}, job(8), nil, runtest.About())
		if err == nil || fault.KindOf(err) == fault.Copied {
			t.Errorf("%q: %v", text, err)
		}
		unsure := &ledger.UncertainError{RunID: bad.ID, Err: all[0].Unreadable()}
		if !strings.Contains(unsure.Hint(), "restore that file") {
			t.Errorf("%q: %s", text, unsure.Hint())
		}
	}
}
