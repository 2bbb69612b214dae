package submit_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/finish"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/slurm"
)

// at is About, minutes after noon.
func at(minutes int) ledger.About {
	p := runtest.About()
	p.Now = func() time.Time { return runtest.Noon.Add(time.Duration(minutes) * time.Minute) }
	return p
}

// sealed ends an attempt of the run and seals it.
func sealed(t *testing.T, r rundir.Run, attempt, code int) *seal.Seal {
	t.Helper()
	runtest.Started(t, r, attempt)
	runtest.Ended(t, r, attempt, code, "")
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting}
	all, err := status.States(t.Context(), w, []rundir.Run{r}, at(attempt+1))
	if err != nil {
		t.Fatal(err)
	}
	s, err := finish.Seal(t.Context(), all[0], w, at(attempt+1), true)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func retried(t *testing.T, r rundir.Run, id int64) {
	t.Helper()
	w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, Take: func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: id}, nil }}
	if _, _, err := submit.Retry(t.Context(), r, w, submit.Again{Task: -1}, at(int(id))); err != nil {
		t.Fatal(err)
	}
	if finish.Sealed(r) {
		t.Error("a run that goes on is sealed")
	}
}

// chain is the IDs of a record's seals, the latest first; bad is what verifying
// says against it.
func chain(t *testing.T, dir string) (ids, bad []string) {
	t.Helper()
	rec, err := load.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	before, err := seal.Chain(rec, rec.Seal)
	if err == nil {
		ids = append(ids, rec.Seal.ID)
		for _, s := range before {
			ids = append(ids, s.ID)
		}
	}
	if bad, err = check.Sealed(rec); err != nil {
		t.Fatal(err)
	}
	return ids, bad
}

// Retries of a sealed run leave every seal that it had, each named by the next;
// one that is taken away or changed is missed.
func TestRetryKeepsTheChainOfSeals(t *testing.T) {
	r := runtest.Sent(t)
	var want []string
	for n := range 3 {
		if n > 0 {
			retried(t, r, int64(7+n))
		}
		want = append([]string{sealed(t, r, n, 1).ID}, want...)
	}
	if got, bad := chain(t, r.Dir); !slices.Equal(got, want) || len(bad) > 0 {
		t.Fatalf("seals %v, want %v; %v", got, want, bad)
	}
	file := filepath.Join(r.Dir, "seals", "1", seal.SealFile)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, bad := chain(t, r.Dir); len(bad) != 1 || !strings.Contains(bad[0], want[2][:16]) {
		t.Errorf("the first seal is gone: %q", bad)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), `"count":`, `"count":1`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, bad := chain(t, r.Dir); len(bad) != 1 || !strings.Contains(bad[0], "seals/1/seal.json") {
		t.Errorf("the first seal was changed: %q", bad)
	}
}

// Where an older retry put the seals is read: the next seal supersedes the last
// of them.
func TestSealsOfOlderRetries(t *testing.T) {
	r := runtest.Sent(t)
	first := sealed(t, r, 0, 1)
	retried(t, r, 8)
	if err := os.Rename(filepath.Join(r.Dir, "seals", "1"), filepath.Join(r.Dir, "superseded-0")); err != nil {
		t.Fatal(err)
	}
	second := sealed(t, r, 1, 1)
	if second.Supersedes != first.ID {
		t.Errorf("it supersedes %q, want %s", second.Supersedes, first.ID)
	}
	retried(t, r, 9)
	third := sealed(t, r, 2, 0)
	if got, bad := chain(t, r.Dir); !slices.Equal(got, []string{third.ID, second.ID, first.ID}) || len(bad) > 0 {
		t.Errorf("seals %v; %v", got, bad)
	}
	src, err := source.Open(filepath.Join(r.Dir, "superseded-0"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if s, err := seal.Read(src); err != nil || s.ID != first.ID {
		t.Errorf("%+v, %v", s, err)
	}
}
