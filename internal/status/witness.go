package status

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// answer is what Slurm said of some jobs at one moment. It is kept in a file of
// the user's for a few seconds, so that many commands ask once.
type answer struct {
	Schema string `json:"schema"`
	// Cluster is who answered, where that is known.
	Cluster string          `json:"cluster,omitempty"`
	Time    time.Time       `json:"time"`   // when squeue was asked
	Covers  []int64         `json:"covers"` // jobs it was asked about, ascending
	Queue   []slurm.Job     `json:"queue"`
	Acct    []slurm.AcctJob `json:"accounting"`

	queueAt map[taskKey]int
	numbers map[int64]bool // under which there is any job
	acctAt  map[taskKey][]int
}

type taskKey struct {
	job  int64
	task int
}

const answerSchema = "nixbatch/answer/v1"

// CacheFile is where what Slurm answered is kept: one file for each user and
// cluster, as far as the environment tells it. "" where there is no place.
func CacheFile(getenv func(string) string) string {
	dir := rundir.StateDir(getenv)
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "queue-"+digest.Bytes([]byte(slurm.Where(getenv)))[:12]+".json")
}

// Forget drops what was kept: something was just changed in the queue.
func Forget(p ledger.About) {
	if p.Cache != "" {
		_ = os.Remove(p.Cache) // it may not be there
	}
}

// witnesses asks squeue for the jobs of the runs chosen, and sacct for those
// that it has forgotten or calls ended.
func witnesses(ctx context.Context, w Watcher, p ledger.About, here string, all []Status, ask []int) (*answer, error) {
	var ids []int64
	fresh := time.Time{} // the newest word of the files
	for _, i := range ask {
		for k := range all[i].Tasks {
			t := &all[i].Tasks[k]
			if !t.Submitted {
				continue
			}
			if n := len(ids); n == 0 || ids[n-1] != t.Job {
				ids = append(ids, t.Job)
			}
			for _, at := range []time.Time{t.Wanted.Since, t.Begun} {
				if at.After(fresh) {
					fresh = at
				}
			}
			if t.end != nil && t.end.Time.After(fresh) {
				fresh = t.end.Time
			}
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	said := &answer{Schema: answerSchema, Cluster: here}
	if len(ids) == 0 {
		return said.index(), nil
	}
	now := p.Now()
	var old answer
	if p.Cache != "" && durable.Read(p.Cache, &old) == nil && old.Schema == answerSchema && old.Cluster == here {
		age := now.Sub(old.Time)
		if age >= 0 && age < p.MaxAge && old.Time.After(fresh) && covers(old.Covers, ids) {
			return old.index(), nil
		}
		// What others watch is asked along, so that they find this answer.
		if age >= 0 && age < time.Minute {
			ids = slices.Compact(slices.Sorted(slices.Values(append(ids, old.Covers...))))
		}
	}
	said.Time, said.Covers = now.UTC(), ids
	if err := said.ask(ctx, w, oldest(p, all, ask), wanted(all, ask)); err != nil {
		return said.index(), err
	}
	if p.Cache != "" && os.MkdirAll(filepath.Dir(p.Cache), 0o700) == nil {
		_ = durable.Replace(p.Cache, said) // a cache
	}
	return said.index(), nil
}

func covers(have, want []int64) bool {
	for _, id := range want {
		if _, ok := slices.BinarySearch(have, id); !ok {
			return false
		}
	}
	return true
}

// oldest is when the first of the jobs was submitted.
func oldest(p ledger.About, all []Status, ask []int) time.Time {
	first := p.Now()
	for _, i := range ask {
		for _, t := range all[i].Tasks {
			if t.Submitted && t.Wanted.Since.Before(first) {
				first = t.Wanted.Since
			}
		}
	}
	return first
}

// manyIDs is where asking about all of the user's jobs costs less than a command
// line, and for sacct a command, for each few of them.
const manyIDs = 500

func query(ids []int64, since time.Time) slurm.Query {
	if len(ids) > manyIDs {
		return slurm.Query{Since: since.Add(-time.Hour)}
	}
	q := slurm.Query{}
	for _, id := range ids {
		q.IDs = append(q.IDs, strconv.FormatInt(id, 10))
	}
	return q
}

// wanted are the jobs of the runs, once each.
func wanted(all []Status, ask []int) (out []slurm.Wanted) {
	have := map[int64]bool{}
	for _, i := range ask {
		for _, t := range all[i].Tasks {
			if t.Submitted && !have[t.Job] {
				have[t.Job] = true
				out = append(out, t.Wanted)
			}
		}
	}
	return out
}

func (a *answer) ask(ctx context.Context, w Watcher, since time.Time, wants []slurm.Wanted) error {
	var err error
	if a.Queue, err = w.Queue(ctx, query(a.Covers, since)); err != nil {
		return err
	}
	if err := w.Unclear(ctx, a.Queue, wants...); err != nil {
		return err
	}
	open := map[int64]bool{} // jobs of which the queue tells all that matters
	for _, j := range a.Queue {
		over := j.State.Final() || j.State == slurm.Unknown
		if was, seen := open[j.Array]; !seen || was {
			open[j.Array] = !over
		}
	}
	gone := slices.DeleteFunc(slices.Clone(a.Covers), func(id int64) bool { return open[id] })
	if len(gone) == 0 {
		return nil
	}
	a.Acct, err = w.Accounting(ctx, query(gone, since))
	if errors.Is(err, slurm.ErrNoAccounting) {
		return nil
	}
	for i := range a.Acct {
		a.Acct[i].Steps = nil // why asks for them itself
	}
	return err
}

func (a *answer) index() *answer {
	a.queueAt, a.acctAt, a.numbers = map[taskKey]int{}, map[taskKey][]int{}, map[int64]bool{}
	for i, j := range a.Queue {
		a.numbers[j.Array] = true
		a.queueAt[taskKey{j.Array, j.Task}] = i
	}
	for i, j := range a.Acct { // requeues come in order
		a.numbers[j.Array] = true
		k := taskKey{j.Array, j.Task}
		a.acctAt[k] = append(a.acctAt[k], i)
	}
	return a
}

func (a *answer) queued(t *TaskStatus) (slurm.Job, bool) {
	i, ok := a.queueAt[taskKey{t.Job, t.Index}]
	if !ok || !t.Wanted.Is(a.Queue[i].Sight()) {
		return slurm.Job{}, false
	}
	return a.Queue[i], true
}

func (a *answer) counted(t *TaskStatus) (found slurm.AcctJob, ok bool) {
	for _, i := range a.acctAt[taskKey{t.Job, t.Index}] { // the last one counts
		if j := a.Acct[i]; t.Wanted.Is(j.Sight()) {
			found, ok = j, true
		}
	}
	return found, ok
}
