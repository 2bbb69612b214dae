package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// ran is a run as it lies there after Slurm took its calls.
func ran(t *testing.T, p rundir.Project, id string, jobs ...facts.Job) {
	t.Helper()
	dir := filepath.Join(p.Dir, "runs", id)
	in := facts.Intent{Schema: facts.IntentSchema, RunID: id}
	sub := facts.Submit{Schema: facts.SubmitSchema, RunID: id, Jobs: jobs}
	for _, j := range jobs {
		in.Calls = append(in.Calls, j.Call)
		sub.JobID = jobs[0].JobID
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), durable.Write(filepath.Join(dir, "intent.json"), in), durable.Write(filepath.Join(dir, "submit.json"), sub)); err != nil {
		t.Fatal(err)
	}
}

// A run has many names; what may be two runs is refused, and says which.
func TestFind(t *testing.T) {
	here, there := rundir.Project{Dir: filepath.Join(t.TempDir(), ".nixbatch")}, rundir.Project{Dir: filepath.Join(t.TempDir(), ".nixbatch")}
	plain := func(id int64) facts.Job { return facts.Job{JobID: id, How: "sbatch", Call: facts.Call{Count: 1}} }
	array := func(id int64, offset int) facts.Job {
		return facts.Job{JobID: id, First: offset, How: "sbatch", Call: facts.Call{Array: "0-2", Offset: offset, Count: 3}}
	}
	const first, second, sweep, year = "water-20260101-000000-aaaa", "water-20260102-000000-bbbb", "scan-20260103-000000-cccc", "2026-20260104-000000-dddd"
	ran(t, here, first, plain(11))
	ran(t, here, second, plain(12))
	ran(t, here, sweep, array(13, 0), array(14, 3))
	ran(t, here, year, plain(15))
	ran(t, here, "again-20260105-000000-eeee", plain(11))
	const away = "ice-20260106-000000-ffff"
	ran(t, there, away, array(77, 0))
	ran(t, there, "twin-20260107-000000-gggg", plain(2026))
	others := func() ([]rundir.Project, error) { return []rundir.Project{here, there}, nil }
	for name, want := range map[string]struct {
		id   string
		task int
	}{
		"": {"again-20260105-000000-eeee", -1}, second: {second, -1}, "water": {second, -1}, "water-20260101": {first, -1}, "aaaa": {first, -1}, "scan": {sweep, -1},
		"12": {second, -1}, "13": {sweep, -1}, "14": {sweep, -1}, "13_2": {sweep, 2}, "14_2": {sweep, 5}, "14.5": {sweep, 5}, "water.0": {second, 0},
		sweep + ".4": {sweep, 4}, "cccc.1": {sweep, 1}, "2026": {year, -1}, "77": {away, -1}, "77_1": {away, 1}, away: {away, -1}, away + ".2": {away, 2},
	} {
		r, task, err := ledger.Find(here, others, name)
		if err != nil || r.ID != want.id || task != want.task {
			t.Errorf("%q: %s, task %d, %v; want %s, %d", name, r.ID, task, err, want.id, want.task)
		}
	}
	for name, want := range map[string]string{
		"11": `"11" may be 2 runs`, "ice": `no run is called "ice"`, "99": `no run is called "99"`, "13_7": `no run is called "13_7"`, "12_0": `no run is called "12_0"`,
		"scan.9": "has no task 9", "13_2.1": "names a task already", "water-2026010": "2 runs begin or end", away + ".9": "has no task 9",
	} {
		_, _, err := ledger.Find(here, others, name)
		if err == nil || !strings.Contains(err.Error(), want) || fault.Hint(err) == "" {
			t.Errorf("%q: %v, hint %q; want %s", name, err, fault.Hint(err), want)
		}
	}
	// A job's number that is also the name of one.
	ran(t, here, "new-20260108-000000-hhhh", plain(2026))
	if _, _, err := ledger.Find(here, others, "2026"); err == nil || !strings.Contains(fault.Hint(err), year) || !strings.Contains(fault.Hint(err), "new-") {
		t.Errorf("%v", err)
	}
}
