package ledger_test

import (
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
	"github.com/nixbatch/nixbatch/slurm"
)

// uncertain is a run of which nobody knows yet which job it is.
func uncertain(t *testing.T) rundir.Run {
	t.Helper()
	r := runtest.Create(t, t.TempDir())
	w := &runtest.Witness{T: t, FindErr: errors.New("away"), Take: func([]string) (slurm.JobRef, error) {
		return slurm.JobRef{}, &slurm.SubmitError{Ambiguous: true, Err: errors.New("timed out")}
	}}
	var unsure *ledger.UncertainError
	if _, err := ledger.Submit(t.Context(), r, w, runtest.About(), nil); !errors.As(err, &unsure) {
		t.Fatal(err)
	}
	return r
}

func job(id int64) slurm.JobRef { return slurm.JobRef{ID: id, Cluster: runtest.Cluster} }

// Of jobs that start in the same instant exactly one is the run's, all others
// learn which, and the record names it.
func TestWitnessOfMany(t *testing.T) {
	r := uncertain(t)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = ledger.Witness(t.Context(), r, facts.Ticket{}, job(int64(i+10)), &runtest.Witness{T: t}, runtest.About())
		})
	}
	wg.Wait()
	var s facts.Submit
	if err := durable.Read(r.SubmitFile(), &s); err != nil || s.How != "start" || s.Cluster != runtest.Cluster {
		t.Fatalf("%+v, %v", s, err)
	}
	for i, err := range errs {
		if mine := s.JobID == int64(i+10); mine != (err == nil) || !mine && (fault.KindOf(err) != fault.Copied || !strings.Contains(err.Error(), fmt.Sprintf("is job %d:", s.JobID))) {
			t.Errorf("job %d, the run is job %d: %v", i+10, s.JobID, err)
		}
	}
	if all, err := filepath.Glob(filepath.Join(r.Dir, "copies", "*.json")); err != nil || len(all) != len(errs)-1 {
		t.Errorf("copies: %v, %v", all, err)
	}
}

// Who may not run an attempt, and what it is told. Nothing of the attempt is
// there afterwards.
func TestWitnessRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  func(*testing.T) rundir.Run
		job  slurm.JobRef
		want string
	}{
		{"outside Slurm", runtest.Sent, slurm.JobRef{}, "this is no job of Slurm's"},
		{"outside Slurm, not known yet", uncertain, slurm.JobRef{}, "this is no job of Slurm's"},
		{"another job", runtest.Sent, job(8), "is job 7: job 8, a copy of it, stops"},
		{"the same number elsewhere", runtest.Sent, slurm.JobRef{ID: 7, Cluster: "there"}, "submitted to cluster here, and job 7 is on cluster there"},
		{"elsewhere, not known yet", uncertain, slurm.JobRef{ID: 7, Cluster: "there"}, "submitted to cluster here, and job 7 is on cluster there"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tc.run(t)
			_, err := ledger.Witness(t.Context(), r, facts.Ticket{}, tc.job, &runtest.Witness{T: t, InQueue: []slurm.Job{{Array: 7, Task: -1, Comment: ledger.Token(r)}}}, runtest.About())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v", err)
			}
			if _, err := os.Stat(r.AttemptDir(0, 0)); !os.IsNotExist(err) {
				t.Errorf("the attempt: %v", err)
			}
		})
	}
	if _, err := ledger.Witness(t.Context(), runtest.Sent(t), facts.Ticket{}, job(7), nil, runtest.About()); err != nil {
		t.Errorf("the right job: %v", err)
	}
}

// Another cluster's "no such job" settles nothing.
func TestSettleElsewhere(t *testing.T) {
	r := uncertain(t)
	late := runtest.About()
	late.Now = func() time.Time { return runtest.Noon.Add(time.Hour) }
	w := &runtest.Witness{T: t, Name: "there"}
	_, ok, err := ledger.Settle(t.Context(), r, w, late)
	var away *slurm.ElsewhereError
	if ok || !errors.As(err, &away) || away.Cluster != runtest.Cluster || away.Here != "there" || w.Finds != 0 {
		t.Errorf("%v, %v, looked for %d times", ok, err, w.Finds)
	}
	if _, err := os.Stat(r.SubmitFile()); !os.IsNotExist(err) {
		t.Errorf("submit.json: %v", err)
	}
	if s, ok, err := ledger.Settle(t.Context(), r, &runtest.Witness{T: t, Found: []slurm.JobRef{{ID: 9, Submitted: runtest.Noon}}}, late); err != nil || !ok || s.JobID != 9 || !s.Submitted.Equal(runtest.Noon) {
		t.Errorf("%+v, %v, %v", s, ok, err)
	}
}
