package finish

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// accounting is a site's accounting; nothing else of Slurm's may be asked.
type books struct {
	status.Watcher
	jobs []slurm.AcctJob
	err  error
}

func (a books) Accounting(_ context.Context, q slurm.Query) ([]slurm.AcctJob, error) {
	if len(q.IDs) != 1 || q.IDs[0] != "12" {
		return nil, errors.New("asked for other jobs")
	}
	return a.jobs, a.err
}

// over is a run that ended at end, not sealed.
func over(t *testing.T) (status.Status, recordtest.Run) {
	t.Helper()
	made := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	for _, f := range []string{"result.json", "accounting.json"} {
		if err := os.Remove(filepath.Join(made.Dir, f)); err != nil {
			t.Fatal(err)
		}
	}
	r := rundir.Run{ID: recordtest.ID, Dir: made.Dir, Project: rundir.Project{Dir: made.Project}}
	s := status.Status{Run: r, State: slurm.Completed, Job: facts.Submit{JobID: 12, Time: recordtest.Now}, End: &facts.End{Time: recordtest.Now.Add(time.Minute)}}
	return s, made
}

func factsAt(d time.Duration) ledger.About {
	return ledger.About{Now: func() time.Time { return recordtest.Now.Add(d) }}
}

func TestSeal(t *testing.T) {
	own := slurm.AcctJob{AcctStep: slurm.AcctStep{Ref: "12", State: slurm.Completed, Elapsed: 90 * time.Second}, ID: 12, Name: "water", User: "u", Nodes: "n[1-2]",
		Submit: recordtest.Now, SubmitLine: "sbatch --comment=nixbatch:" + recordtest.ID, Steps: []slurm.AcctStep{{Ref: "12.batch", MaxRSS: 5}}}
	foreign, running := own, own
	foreign.SubmitLine = "sbatch other.sh"
	running.State = slurm.Running
	for name, tc := range map[string]struct {
		w      status.Watcher
		late   bool
		source string // "" for a run that is not sealed yet
		jobs   int
	}{
		"counted":             {books{jobs: []slurm.AcctJob{own}}, false, "sacct", 1},
		"another job's id":    {books{jobs: []slurm.AcctJob{foreign, own}}, false, "sacct", 1},
		"none":                {books{err: slurm.ErrNoAccounting}, false, "unavailable: " + slurm.ErrNoAccounting.Error(), 0},
		"behind":              {books{jobs: []slurm.AcctJob{running}}, false, "", 0},
		"behind for too long": {books{jobs: []slurm.AcctJob{running}}, true, "sacct", 1},
		"lost":                {books{}, true, "unavailable: the accounting does not have this job", 0},
		"down":                {books{err: errors.New("no answer")}, false, "", 0},
		"no Slurm":            {nil, false, "unavailable: no Slurm is at hand", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := over(t)
			p := factsAt(90 * time.Second)
			if tc.late {
				p = factsAt(time.Hour)
			}
			_, err := Seal(context.Background(), s, tc.w, p, false)
			var early *NotOverError
			if tc.source == "" {
				if !errors.As(err, &early) || Sealed(s.Run) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := load.Open(s.Run.Dir)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if r.Accounting.Source != tc.source || len(r.Accounting.Jobs) != tc.jobs || r.Result.State != "completed" {
				t.Errorf("%+v", r.Accounting)
			}
			if tc.jobs > 0 && strings.Join(r.Accounting.Jobs[0].Priv.Nodes, " ") != "n1 n2" {
				t.Errorf("%+v", r.Accounting.Jobs[0])
			}
			if _, err := Seal(context.Background(), s, tc.w, p, false); !errors.Is(err, durable.ErrExists) {
				t.Errorf("sealed twice: %v", err)
			}
		})
	}
}

// What runs is not sealed, and what is lost only when asked for.
func TestSealOnlyWhatIsOver(t *testing.T) {
	s, _ := over(t)
	w := books{err: slurm.ErrNoAccounting}
	for state, anyway := range map[slurm.State]bool{slurm.Running: true, slurm.Pending: true, slurm.Unknown: false} {
		s.State = state
		var early *NotOverError
		if _, err := Seal(context.Background(), s, w, factsAt(0), anyway); !errors.As(err, &early) {
			t.Errorf("%s: %v", state, err)
		}
	}
	if err := SealOver(context.Background(), w, []status.Status{s}, factsAt(0)); err != nil || Sealed(s.Run) {
		t.Errorf("%v", err)
	}
	s.State = slurm.Unknown
	if _, err := Seal(context.Background(), s, w, factsAt(0), true); err != nil || !Sealed(s.Run) {
		t.Errorf("%v", err)
	}
}

// Commands that find a run over in the same moment seal it once, and whole.
func TestSealTogether(t *testing.T) {
	s, _ := over(t)
	const many = 8
	errs := make([]error, many)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			_, errs[i] = Seal(context.Background(), s, books{err: slurm.ErrNoAccounting}, factsAt(time.Duration(i)*time.Second), false)
		})
	}
	wg.Wait()
	sealed := 0
	for _, err := range errs {
		switch {
		case err == nil:
			sealed++
		case !errors.Is(err, durable.ErrExists):
			t.Error(err)
		}
	}
	if sealed != 1 {
		t.Errorf("sealed %d times", sealed)
	}
	r, err := load.Open(s.Run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if bad, err := check.Sealed(r); err != nil || len(bad) > 0 {
		t.Error(bad, err)
	}
}

// A seal that was there and is gone is noticed, however much of what belongs to
// it is gone, too, and is not made anew unasked; one that is asked for names it.
func TestLostSeal(t *testing.T) {
	none := books{err: slurm.ErrNoAccounting}
	for name, files := range map[string][]string{
		"seal": {"seal.json"}, "all of it": {"seal.json", "tasks.jsonl", "private.json"}, "and the result": {"seal.json", "tasks.jsonl", "private.json", "result.json", "accounting.json"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := over(t)
			first, err := Seal(t.Context(), s, none, factsAt(time.Hour), false)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if err := os.Remove(filepath.Join(s.Run.Dir, f)); err != nil {
					t.Fatal(err)
				}
			}
			s.Final = nil
			var lost *LostError
			if err := SealOver(t.Context(), none, []status.Status{s}, factsAt(2*time.Hour)); !errors.As(err, &lost) || lost.Mark.Seal != first.ID || Sealed(s.Run) {
				t.Fatalf("%v", err)
			}
			if v := verified(t, s, "the record is sealed"); !strings.Contains(v, first.ID[:16]) {
				t.Error(v)
			}
			again, err := Anew(t.Context(), s, none, factsAt(2*time.Hour), true)
			if err != nil || again.Supersedes != first.ID {
				t.Fatalf("%v, %+v", err, again)
			}
			if v := verified(t, s, "facts are"); !strings.Contains(v, "is not in seals") {
				t.Error(v)
			}
			// It is now the last one, and what comes after it is as ever.
			if _, err := Seal(t.Context(), s, none, factsAt(3*time.Hour), true); !errors.Is(err, durable.ErrExists) {
				t.Error(err)
			}
		})
	}
}

// A seal that somebody made in place of the one that was made is told.
func TestSealInPlace(t *testing.T) {
	none := books{err: slurm.ErrNoAccounting}
	s, made := over(t)
	first, err := Seal(t.Context(), s, none, factsAt(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(made.Project, "seals", recordtest.ID+".json")
	kept, err := os.ReadFile(mark)
	if err := errors.Join(err, os.Remove(filepath.Join(s.Run.Dir, "seal.json")), os.Remove(mark)); err != nil {
		t.Fatal(err)
	}
	made.Seal(t)
	if err := os.WriteFile(mark, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	if v := verified(t, s, "the seal is the one that was made"); !strings.Contains(v, first.ID[:16]) {
		t.Error(v)
	}
}

// A run that goes on is sealed anew, and nothing is lost.
func TestNothingLost(t *testing.T) {
	none := books{err: slurm.ErrNoAccounting}
	s, _ := over(t)
	if _, err := Seal(t.Context(), s, none, factsAt(time.Hour), false); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Run.Dir, "intent-1.json"), []byte(`{"schema":"nixbatch/intent/v1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	// The instant in which the old seal is put aside and the new one is not there.
	if err := seal.Supersede(s.Run.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Seal(t.Context(), s, none, factsAt(2*time.Hour), false); err != nil {
		t.Fatal(err)
	}
	r, err := load.Open(s.Run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if bad, err := check.Sealed(r); err != nil || len(bad) > 0 {
		t.Error(bad, err)
	}
}

// verified is what verifying says has failed in one line.
func verified(t *testing.T, s status.Status, what string) string {
	t.Helper()
	rep, err := check.Verify(t.Context(), s.Run.Dir, check.Options{Runner: proc.System{}, NoStore: true})
	if err != nil || rep.OK {
		t.Fatalf("%v: %+v", err, rep)
	}
	for _, v := range rep.Verdicts {
		if strings.HasPrefix(v.What, what) && v.Verdict == check.Failed {
			return v.Detail
		}
	}
	t.Fatalf("no failed verdict on %q in %+v", what, rep.Verdicts)
	return ""
}
