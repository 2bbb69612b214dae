package runs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/slurm"
)

// accounting is a site's accounting; nothing else of Slurm's may be asked.
type accounting struct {
	Watcher
	jobs []slurm.AcctJob
	err  error
}

func (a accounting) Accounting(_ context.Context, q slurm.Query) ([]slurm.AcctJob, error) {
	if len(q.IDs) != 1 || q.IDs[0] != "12" {
		return nil, errors.New("asked for other jobs")
	}
	return a.jobs, a.err
}

// over is a run that ended at end, not sealed.
func over(t *testing.T) (Status, recordtest.Run) {
	t.Helper()
	made := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	for _, f := range []string{"result.json", "accounting.json"} {
		if err := os.Remove(filepath.Join(made.Dir, f)); err != nil {
			t.Fatal(err)
		}
	}
	r := Run{ID: recordtest.ID, Dir: made.Dir, Project: Project{made.Project}}
	s := Status{Run: r, State: slurm.Completed, Job: record.Submit{JobID: 12, Time: recordtest.Now}, End: &record.End{Time: recordtest.Now.Add(time.Minute)}}
	return s, made
}

func factsAt(d time.Duration) Facts {
	return Facts{Now: func() time.Time { return recordtest.Now.Add(d) }}
}

func TestSeal(t *testing.T) {
	own := slurm.AcctJob{AcctStep: slurm.AcctStep{Ref: "12", State: slurm.Completed, Elapsed: 90 * time.Second}, ID: 12, Name: "water", User: "u", Nodes: "n[1-2]",
		Submit: recordtest.Now, SubmitLine: "sbatch --comment=nixbatch:" + recordtest.ID, Steps: []slurm.AcctStep{{Ref: "12.batch", MaxRSS: 5}}}
	foreign, running := own, own
	foreign.SubmitLine = "sbatch other.sh"
	running.State = slurm.Running
	for name, tc := range map[string]struct {
		w      Watcher
		late   bool
		source string // "" for a run that is not sealed yet
		jobs   int
	}{
		"counted":             {accounting{jobs: []slurm.AcctJob{own}}, false, "sacct", 1},
		"another job's id":    {accounting{jobs: []slurm.AcctJob{foreign, own}}, false, "sacct", 1},
		"none":                {accounting{err: slurm.ErrNoAccounting}, false, "unavailable: " + slurm.ErrNoAccounting.Error(), 0},
		"behind":              {accounting{jobs: []slurm.AcctJob{running}}, false, "", 0},
		"behind for too long": {accounting{jobs: []slurm.AcctJob{running}}, true, "sacct", 1},
		"lost":                {accounting{}, true, "unavailable: the accounting does not have this job", 0},
		"down":                {accounting{err: errors.New("no answer")}, false, "", 0},
		"no Slurm":            {nil, false, "unavailable: no Slurm is at hand", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := over(t)
			p := factsAt(90 * time.Second)
			if tc.late {
				p = factsAt(time.Hour)
			}
			_, err := s.Seal(context.Background(), tc.w, p, false)
			var early *NotOverError
			if tc.source == "" {
				if !errors.As(err, &early) || s.Run.Sealed() {
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
			if _, err := s.Seal(context.Background(), tc.w, p, false); !errors.Is(err, record.ErrExists) {
				t.Errorf("sealed twice: %v", err)
			}
		})
	}
}

// What runs is not sealed, and what is lost only when asked for.
func TestSealOnlyWhatIsOver(t *testing.T) {
	s, _ := over(t)
	w := accounting{err: slurm.ErrNoAccounting}
	for state, anyway := range map[slurm.State]bool{slurm.Running: true, slurm.Pending: true, slurm.Unknown: false} {
		s.State = state
		var early *NotOverError
		if _, err := s.Seal(context.Background(), w, factsAt(0), anyway); !errors.As(err, &early) {
			t.Errorf("%s: %v", state, err)
		}
	}
	if err := SealOver(context.Background(), w, []Status{s}, factsAt(0)); err != nil || s.Run.Sealed() {
		t.Errorf("%v", err)
	}
	s.State = slurm.Unknown
	if _, err := s.Seal(context.Background(), w, factsAt(0), true); err != nil || !s.Run.Sealed() {
		t.Errorf("%v", err)
	}
}
