package submit_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/why"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
)

// child is a run that comes after another; Slurm took it as job 8.
func child(t *testing.T, parent rundir.Run, after []string, options ...string) rundir.Run {
	t.Helper()
	_, c := runtest.Creation(t, t.TempDir())
	c.Plan.After, c.Plan.Run = after, "echo another job\n"
	r, err := parent.Project.Create(c)
	if err != nil {
		t.Fatal(err)
	}
	w := &runtest.Witness{T: t, Take: func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: 8}, nil }}
	if _, err := ledger.Submit(t.Context(), r, w, runtest.About(), []facts.Call{{Count: 1, Options: options}}); err != nil {
		t.Fatal(err)
	}
	return r
}

// A retry waits for what the first submission waited for, and does not start
// what can never run.
func TestRetryLooksAtParents(t *testing.T) {
	job := func(id int64, st slurm.State, reason string) slurm.Job {
		return slurm.Job{ID: id, Array: id, Task: -1, State: st, Reason: reason, Submit: runtest.Noon}
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
			parent := runtest.Sent(t)
			after, options := []string{parent.ID}, []string(nil)
			if tc.chained {
				after, options = nil, []string{"--dependency=afterok:7", "--kill-on-invalid-dep=yes"}
			}
			r := child(t, parent, after, options...)
			var args []string
			w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting,
				InQueue: []slurm.Job{job(7, tc.parent, ""), job(8, slurm.Cancelled, "DependencyNeverSatisfied")},
				Take:    func(a []string) (slurm.JobRef, error) { args = a; return slurm.JobRef{ID: 9}, nil }}
			y, err := why.Explain(t.Context(), r, w, -1, runtest.About())
			if err != nil {
				t.Fatal(err)
			}
			if first := y.Next[0]; tc.fails != strings.HasPrefix(first, "nixbatch retry "+parent.ID+" first") {
				t.Errorf("next: %q", y.Next)
			}
			_, _, err = submit.Retry(t.Context(), r, w, submit.Again{Task: -1}, runtest.About())
			var e *fault.Error
			if tc.fails {
				if !errors.As(err, &e) || !strings.Contains(err.Error(), parent.ID) || !strings.Contains(e.Hint(), "nixbatch retry "+parent.ID) || w.Submits > 0 {
					t.Errorf("%v, %d submissions", err, w.Submits)
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

// Unknown is not over: it is left alone, unless one says that it does not run;
// and an attempt whose agent lives is left alone always.
func TestRetryLeavesAloneWhatMayRun(t *testing.T) {
	r := runtest.Sent(t)
	runtest.Started(t, r, 0)
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, Take: func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: 9}, nil }}
	retry := func(unknown bool) error {
		_, _, err := submit.Retry(t.Context(), r, w, submit.Again{Task: -1, Unknown: unknown}, runtest.About())
		return err
	}
	var e *fault.Error
	if err := retry(false); !errors.As(err, &e) || e.Kind != fault.Unsure || !strings.Contains(e.Message, "it may still run") || !strings.Contains(e.Way, "--unknown") || w.Submits > 0 {
		t.Errorf("unknown: %v, %d submissions", err, w.Submits)
	}
	// So is one of which nobody can tell whether it lives, whatever one says.
	if err := os.Mkdir(r.AliveFile(0, 0), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := retry(true); fault.KindOf(err) != fault.Unsure || !strings.Contains(err.Error(), "cannot be read") || w.Submits > 0 {
		t.Errorf("dark: %v, %d submissions", err, w.Submits)
	}
	if err := os.Remove(r.AliveFile(0, 0)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(r.AliveFile(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := retry(true); !errors.As(err, &e) || !strings.Contains(e.Message, "the agent holds its lock") || w.Submits > 0 {
		t.Errorf("alive: %v, %d submissions", err, w.Submits)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	w.Name = "there"
	var away *slurm.ElsewhereError
	if err := retry(true); !errors.As(err, &away) || w.Submits > 0 {
		t.Errorf("elsewhere: %v, %d submissions", err, w.Submits)
	}
	w.Name = ""
	if err := retry(true); err != nil || w.Submits != 1 {
		t.Errorf("said to be over: %v, %d submissions", err, w.Submits)
	}
}

// A task that failed is submitted again while others of its sweep run, and the run
// itself is not taken for another of the same job; another run is.
func TestRetryWhileOthersRun(t *testing.T) {
	dir := t.TempDir()
	sweep := func() rundir.Run {
		p, c := runtest.Creation(t, dir)
		c.Plan.Sweep = &plan.Sweep{Names: []string{"n"}, Tasks: 2}
		c.Plan.Tasks = []jobspec.Row{{{Name: "n", Value: "1"}}, {{Name: "n", Value: "2"}}}
		r, err := p.Create(c)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	id := int64(7)
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, Take: func([]string) (slurm.JobRef, error) { id++; return slurm.JobRef{ID: id - 1}, nil }}
	task := func(job int64, n int, state slurm.State) slurm.Job {
		return slurm.Job{Ref: fmt.Sprintf("%d_%d", job, n), ID: job, Array: job, Task: n, State: state, Submit: runtest.Noon}
	}
	r := sweep()
	if _, err := ledger.Submit(t.Context(), r, w, runtest.About(), []facts.Call{{Array: "0-1", Count: 2}}); err != nil {
		t.Fatal(err)
	}
	w.InQueue = []slurm.Job{task(7, 0, slurm.Failed), task(7, 1, slurm.Running)}
	_, tasks, err := submit.Retry(t.Context(), r, w, submit.Again{Task: -1}, runtest.About())
	if err != nil || !slices.Equal(tasks, []int{0}) || w.Submits != 2 {
		t.Fatalf("%v, %v, %d submissions", tasks, err, w.Submits)
	}
	other := sweep()
	if _, err := ledger.Submit(t.Context(), other, w, runtest.About(), []facts.Call{{Array: "0-1", Count: 2}}); err != nil {
		t.Fatal(err)
	}
	w.InQueue = append(w.InQueue, task(8, 0, slurm.Failed), task(9, 0, slurm.Pending), task(9, 1, slurm.Pending))
	if _, _, err = submit.Retry(t.Context(), r, w, submit.Again{Task: -1}, runtest.About()); err == nil || !strings.Contains(err.Error(), "the same job is already there: run "+other.ID) {
		t.Errorf("%v", err)
	}
}

// Where there is no Slurm it is said so, in one way.
func TestNoSlurm(t *testing.T) {
	_, absent := (slurm.OnPath{}).Run(t.Context(), slurm.Command{Name: "nixbatch-test-no-such-command"})
	r := runtest.Sent(t)
	w := &runtest.Witness{T: t, QueueErr: absent}
	_, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
	var none *ledger.NoSlurmError
	if !errors.As(err, &none) || err.Error() != "there is no Slurm on this machine" || none.Hint() == "" {
		t.Errorf("%v", err)
	}
	_, _, err = submit.Retry(t.Context(), r, w, submit.Again{Task: -1}, runtest.About())
	var unsure *ledger.UncertainError
	if !errors.As(err, &unsure) || !strings.HasSuffix(err.Error(), ": there is no Slurm on this machine") || unsure.Hint() != none.Hint() {
		t.Errorf("%v", err)
	}
	// What it died of is known; what is there is not.
	runtest.Ended(t, r, 0, 1, "")
	all, err := status.States(t.Context(), &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting}, []rundir.Run{r}, runtest.About())
	if err != nil || all[0].State != slurm.Failed {
		t.Fatalf("%+v, %v", all[0], err)
	}
	_, _, err = submit.Retry(t.Context(), r, w, submit.Again{Task: -1, Here: submit.Here{Ready: func() error { return none }}}, runtest.About())
	if !errors.As(err, &none) || errors.As(err, &unsure) || w.Submits > 0 {
		t.Errorf("%v, %d submissions", err, w.Submits)
	}
	if plain := errors.New("no answer"); ledger.FromSlurm(plain) != plain || ledger.FromSlurm(nil) != nil {
		t.Error("another error was changed")
	}
}
