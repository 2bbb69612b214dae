package status

import (
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/indices"
)

const finalSchema = facts.FinalSchema

// finalFact keeps a terminal state, so that Slurm is not asked for it again.
type finalFact struct {
	Schema  string              `json:"schema"`
	State   slurm.State         `json:"state"`
	Reason  string              `json:"reason,omitempty"`
	From    string              `json:"from"` // "accounting", "queue" or "files"
	Time    time.Time           `json:"time"`
	Attempt int                 `json:"attempt"`
	Rounds  int                 `json:"rounds"`
	Job     facts.Submit        `json:"job"`
	Brief   Brief               `json:"brief"`
	Counts  map[slurm.State]int `json:"counts,omitempty"`
	// Tasks is the tasks of each state, as index lists; Reasons are those of the
	// ones that did not complete.
	Tasks   map[slurm.State]string `json:"tasks,omitempty"`
	Missing string                 `json:"not_submitted,omitempty"`
	Reasons map[int]string         `json:"reasons,omitempty"`
	Causes  map[int]Cause          `json:"causes,omitempty"`
}

// cause is a task's.
func (f finalFact) cause(task int, reason string) Cause {
	if c, ok := f.Causes[task]; ok {
		return c
	}
	return oldCause(reason)
}

func finalFile(r rundir.Run) string { return filepath.Join(r.Dir, facts.FinalFile) }

// keep writes the state down if it is final. Only a cache: what cannot be
// written is asked again.
func (s *Status) keep(from string, now time.Time) {
	if !s.Whole() {
		return // what it left may be readable the next time
	}
	f := finalFact{Schema: finalSchema, State: s.State, Reason: s.Reason, From: from, Time: now.UTC(), Attempt: s.Attempt,
		Rounds: s.rounds, Job: s.Job, Brief: s.Brief, Counts: s.Counts}
	f.Job.Jobs, f.Job.JobID = nil, s.JobID()
	for _, t := range s.Tasks {
		if t.Cause != "" {
			if f.Causes == nil {
				f.Causes = map[int]Cause{}
			}
			f.Causes[t.Task] = t.Cause
		}
	}
	if s.Sweep() {
		f.Tasks, f.Reasons = map[slurm.State]string{}, map[int]string{}
		lists := map[slurm.State][]int{}
		var missing []int
		for _, t := range s.Tasks {
			if !t.Submitted {
				missing = append(missing, t.Task)
				continue
			}
			lists[t.State] = append(lists[t.State], t.Task)
			if t.State != slurm.Completed {
				f.Reasons[t.Task] = t.Reason
			}
		}
		for state, ns := range lists {
			f.Tasks[state] = indices.Format(ns)
		}
		f.Missing = indices.Format(missing)
	}
	_ = durable.Replace(finalFile(s.Run), f)
}

// holds reports whether a state that was found final is so still: no later
// round, and no later attempt, which would be a requeue by hand.
func holds(r rundir.Run, f finalFact) bool {
	if there, err := durable.There(ledger.IntentFile(r, max(f.Rounds, 1))); there || err != nil {
		return false
	}
	if f.Counts != nil {
		return true
	}
	there, err := durable.There(r.AttemptDir(0, f.Attempt+1))
	return !there && err == nil
}
