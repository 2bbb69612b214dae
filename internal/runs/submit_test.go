package runs_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/slurm"
)

// An answer that says neither yes nor no is settled before submit returns,
// where Slurm can be asked.
func TestAmbiguousSubmit(t *testing.T) {
	ambiguous := func([]string) (slurm.JobID, error) {
		return slurm.JobID{}, &slurm.SubmitError{Ambiguous: true, Line: "Socket timed out", Err: errors.New("exit status 1")}
	}
	t.Run("not found", func(t *testing.T) {
		r := create(t, t.TempDir())
		w := &witness{t: t, submit: ambiguous}
		_, err := r.Submit(t.Context(), w, facts())
		var none *runs.NotTakenError
		if !errors.As(err, &none) || none.Hint() == "" || w.submits != 1 {
			t.Errorf("%v, %d submissions", err, w.submits)
		}
		all, err := runs.States(t.Context(), &witness{t: t}, []runs.Run{r}, facts())
		if err != nil || !all[0].NotSubmitted || all[0].State != slurm.Unknown {
			t.Errorf("%+v, %v", all[0], err)
		}
	})
	t.Run("silent", func(t *testing.T) {
		r := create(t, t.TempDir())
		w := &witness{t: t, submit: ambiguous, findErr: errors.New("controller is away")}
		_, err := r.Submit(t.Context(), w, facts())
		var unsure *runs.UncertainError
		if !errors.As(err, &unsure) || unsure.RunID != r.ID || unsure.Hint() == "" || w.submits != 1 {
			t.Errorf("%v, %d submissions", err, w.submits)
		}
	})
}

func TestSubmitOnce(t *testing.T) {
	t.Run("the intent is on disk before sbatch is called", func(t *testing.T) {
		r := create(t, t.TempDir())
		w := &witness{t: t, submit: func(args []string) (slurm.JobID, error) {
			var in record.Intent
			if err := record.Read(r.IntentFile(), &in); err != nil || in.Token != "nixbatch:"+r.ID || in.Local {
				t.Errorf("intent %+v, %v", in, err)
			}
			if !strings.Contains(strings.Join(args, " "), "--comment="+in.Token) {
				t.Errorf("arguments %v", args)
			}
			return slurm.JobID{ID: 7, Cluster: "c"}, nil
		}}
		got, err := r.Submit(t.Context(), w, facts())
		if err != nil || got.JobID != 7 || got.Cluster != "c" || got.How != "sbatch" || got.Script == "" {
			t.Errorf("%+v, %v", got, err)
		}
		// A second time it is not sent, and nothing is lost.
		_, err = r.Submit(t.Context(), w, facts())
		var e *runs.Error
		if !errors.As(err, &e) || w.submits != 1 {
			t.Errorf("%v, %d submissions", err, w.submits)
		}
		var s record.Submit
		if err := record.Read(r.SubmitFile(), &s); err != nil || s.JobID != 7 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("a refusal leaves no directory", func(t *testing.T) {
		r := create(t, t.TempDir())
		w := &witness{t: t, submit: func([]string) (slurm.JobID, error) {
			return slurm.JobID{}, &slurm.SubmitError{Permanent: true, Line: "Invalid partition name specified", Err: errors.New("x")}
		}}
		_, err := r.Submit(t.Context(), w, facts())
		var re *runs.RefusedError
		if !errors.As(err, &re) || re.Error() != "slurm refused the job: Invalid partition name specified" || re.Hint() == "" || w.finds != 0 {
			t.Errorf("%v, looked for %d times", err, w.finds)
		}
		if _, err := os.Stat(r.Dir); !os.IsNotExist(err) {
			t.Errorf("the directory: %v", err)
		}
	})
	t.Run("an interrupt before leaves no directory and no job", func(t *testing.T) {
		r := create(t, t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.Submit(ctx, &witness{t: t}, facts()); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := os.Stat(r.Dir); !os.IsNotExist(err) {
			t.Errorf("the directory: %v", err)
		}
	})
	t.Run("an interrupt during is not the end of the bookkeeping", func(t *testing.T) {
		r := create(t, t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		w := &witness{t: t, submit: func([]string) (slurm.JobID, error) { cancel(); return slurm.JobID{ID: 7}, nil }}
		if s, err := r.Submit(ctx, w, facts()); err != nil || s.JobID != 7 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("an ambiguous answer is looked up", func(t *testing.T) {
		r := create(t, t.TempDir())
		w := &witness{t: t, found: []slurm.JobID{{ID: 8}}, submit: func([]string) (slurm.JobID, error) {
			return slurm.JobID{}, &slurm.SubmitError{Ambiguous: true, Err: errors.New("socket timed out")}
		}}
		if s, err := r.Submit(t.Context(), w, facts()); err != nil || s.JobID != 8 || s.How != "queue" || w.submits != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("never handed over", func(t *testing.T) {
		r := create(t, t.TempDir())
		all, err := runs.States(t.Context(), &witness{t: t}, []runs.Run{r}, facts())
		if err != nil || !all[0].NotSubmitted || all[0].State != slurm.Unknown || all[0].State.Final() {
			t.Errorf("%+v, %v", all[0], err)
		}
	})
}
