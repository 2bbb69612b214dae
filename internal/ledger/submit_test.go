package ledger_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// An answer that says neither yes nor no is settled before submit returns,
// where Slurm can be asked.
func TestAmbiguousSubmit(t *testing.T) {
	ambiguous := func([]string) (slurm.JobRef, error) {
		return slurm.JobRef{}, &slurm.SubmitError{Ambiguous: true, Line: "Socket timed out", Err: errors.New("exit status 1")}
	}
	t.Run("not found", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		w := &runtest.Witness{T: t, Take: ambiguous}
		_, err := ledger.Submit(t.Context(), r, w, runtest.About(), nil)
		var none *ledger.NotTakenError
		if !errors.As(err, &none) || none.Hint() == "" || w.Submits != 1 {
			t.Errorf("%v, %d submissions", err, w.Submits)
		}
		all, err := status.States(t.Context(), &runtest.Witness{T: t}, []rundir.Run{r}, runtest.About())
		if err != nil || !all[0].NotSubmitted || all[0].State != slurm.Unknown {
			t.Errorf("%+v, %v", all[0], err)
		}
	})
	t.Run("silent", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		w := &runtest.Witness{T: t, Take: ambiguous, FindErr: errors.New("controller is away")}
		_, err := ledger.Submit(t.Context(), r, w, runtest.About(), nil)
		var unsure *ledger.UncertainError
		if !errors.As(err, &unsure) || unsure.RunID != r.ID || unsure.Hint() == "" || w.Submits != 1 {
			t.Errorf("%v, %d submissions", err, w.Submits)
		}
	})
}

func TestSubmitOnce(t *testing.T) {
	t.Run("the intent is on disk before sbatch is called", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		w := &runtest.Witness{T: t, Take: func(args []string) (slurm.JobRef, error) {
			var in facts.Intent
			if err := durable.Read(ledger.IntentFile(r, 0), &in); err != nil || in.Token != "nixbatch:"+r.ID || in.Local {
				t.Errorf("intent %+v, %v", in, err)
			}
			if !strings.Contains(strings.Join(args, " "), "--comment="+in.Token) {
				t.Errorf("arguments %v", args)
			}
			return slurm.JobRef{ID: 7, Cluster: "c"}, nil
		}}
		got, err := ledger.Submit(t.Context(), r, w, runtest.About(), nil)
		if err != nil || got.JobID != 7 || got.Cluster != "c" || got.How != "sbatch" || got.Script == "" {
			t.Errorf("%+v, %v", got, err)
		}
		// A second time it is not sent, and nothing is lost.
		_, err = ledger.Submit(t.Context(), r, w, runtest.About(), nil)
		var e *fault.Error
		if !errors.As(err, &e) || w.Submits != 1 {
			t.Errorf("%v, %d submissions", err, w.Submits)
		}
		var s facts.Submit
		if err := durable.Read(r.SubmitFile(), &s); err != nil || s.JobID != 7 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("a refusal leaves no directory", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		w := &runtest.Witness{T: t, Take: func([]string) (slurm.JobRef, error) {
			return slurm.JobRef{}, &slurm.SubmitError{Permanent: true, Line: "Invalid partition name specified", Err: errors.New("x")}
		}}
		_, err := ledger.Submit(t.Context(), r, w, runtest.About(), nil)
		var re *ledger.RefusedError
		if !errors.As(err, &re) || re.Error() != "slurm refused the job: Invalid partition name specified" || re.Hint() == "" || w.Finds != 1 {
			t.Errorf("%v, looked for %d times", err, w.Finds)
		}
		if _, err := os.Stat(r.Dir); !os.IsNotExist(err) {
			t.Errorf("the directory: %v", err)
		}
	})
	t.Run("a refusal of a job that Slurm took all the same", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		w := &runtest.Witness{T: t, Found: []slurm.JobRef{{ID: 8}, {ID: 9}}, Take: func([]string) (slurm.JobRef, error) {
			return slurm.JobRef{}, &slurm.SubmitError{Permanent: true, Line: "Invalid partition name specified", Err: errors.New("x")}
		}}
		s, err := ledger.Submit(t.Context(), r, w, runtest.About(), nil)
		if err != nil || s.JobID != 8 || s.How != "queue" || s.Cluster != runtest.Cluster || !slices.Equal(s.Copies, []int64{9}) || w.Finds != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("a refusal, and Slurm cannot be asked", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		w := &runtest.Witness{T: t, FindErr: errors.New("away"), Take: func([]string) (slurm.JobRef, error) {
			return slurm.JobRef{}, &slurm.SubmitError{Permanent: true, Line: "Invalid partition name specified", Err: errors.New("x")}
		}}
		_, err := ledger.Submit(t.Context(), r, w, runtest.About(), nil)
		var unsure *ledger.UncertainError
		if _, serr := os.Stat(ledger.IntentFile(r, 0)); !errors.As(err, &unsure) || serr != nil {
			t.Errorf("%v, %v", err, serr)
		}
	})
	t.Run("an interrupt before leaves no directory and no job", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := ledger.Submit(ctx, r, &runtest.Witness{T: t}, runtest.About(), nil); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := os.Stat(r.Dir); !os.IsNotExist(err) {
			t.Errorf("the directory: %v", err)
		}
	})
	t.Run("an interrupt during is not the end of the bookkeeping", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		w := &runtest.Witness{T: t, Take: func([]string) (slurm.JobRef, error) { cancel(); return slurm.JobRef{ID: 7}, nil }}
		if s, err := ledger.Submit(ctx, r, w, runtest.About(), nil); err != nil || s.JobID != 7 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("an ambiguous answer is looked up", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		w := &runtest.Witness{T: t, Found: []slurm.JobRef{{ID: 8}}, Take: func([]string) (slurm.JobRef, error) {
			return slurm.JobRef{}, &slurm.SubmitError{Ambiguous: true, Err: errors.New("socket timed out")}
		}}
		if s, err := ledger.Submit(t.Context(), r, w, runtest.About(), nil); err != nil || s.JobID != 8 || s.How != "queue" || w.Submits != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("never handed over", func(t *testing.T) {
		r := runtest.Create(t, t.TempDir())
		all, err := status.States(t.Context(), &runtest.Witness{T: t}, []rundir.Run{r}, runtest.About())
		if err != nil || !all[0].NotSubmitted || all[0].State != slurm.Unknown || all[0].State.Final() {
			t.Errorf("%+v, %v", all[0], err)
		}
	})
}
