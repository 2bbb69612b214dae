package ui

import (
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// StatusJSON is what status --json prints.
type StatusJSON struct {
	Schema string    `json:"schema"`
	Runs   []runJSON `json:"runs"`
}

type runJSON struct {
	RunID  string              `json:"run_id"`
	Dir    string              `json:"run_dir"`
	JobID  int64               `json:"job_id,omitempty"`
	Local  bool                `json:"local"`
	State  slurm.State         `json:"state"`
	Reason string              `json:"reason,omitempty"`
	Note   string              `json:"note,omitempty"` // what the state does not tell: an output that is missing
	Sent   bool                `json:"submitted"`
	Try    int                 `json:"attempt"`
	Counts map[slurm.State]int `json:"counts,omitempty"` // of a sweep's tasks
	Tasks  []taskJSON          `json:"tasks,omitempty"`  // of the sweep that was asked for
	Start  *facts.Start        `json:"start,omitempty"`
	End    *facts.End          `json:"end,omitempty"`
}

type taskJSON struct {
	Task   int               `json:"task"`
	Job    string            `json:"job,omitempty"`
	State  slurm.State       `json:"state"`
	Reason string            `json:"reason,omitempty"`
	Sent   bool              `json:"submitted"`
	Try    int               `json:"attempt"`
	Values map[string]string `json:"values"`
	status.Brief
}

// StatusOf is that of the runs given; tasks also lists the tasks of sweeps.
func StatusOf(states []status.Status, tasks bool) StatusJSON {
	out := StatusJSON{Schema: StatusSchema, Runs: []runJSON{}}
	for _, st := range states {
		if len(states) <= 100 {
			st.Load()
		}
		j := runJSON{
			RunID: st.Run.ID, Dir: st.Run.Dir, JobID: st.JobID(), Local: st.Job.Local, State: st.State, Reason: st.Reason,
			Sent: !st.NotSubmitted, Try: st.Attempt, Counts: st.Counts, Start: st.Start, End: st.End,
		}
		if !st.Sweep() && st.State.Final() {
			j.Note = st.Brief.Note
		}
		if tasks && st.Sweep() {
			j.Tasks = tasksJSON(st)
		}
		out.Runs = append(out.Runs, j)
	}
	return out
}

func tasksJSON(st status.Status) []taskJSON {
	rows, _ := st.Run.Rows() // a table that cannot be read is told by the run's state
	out := make([]taskJSON, 0, len(st.Tasks))
	for _, t := range st.Tasks {
		j := taskJSON{Task: t.Task, State: t.State, Reason: t.Reason, Sent: t.Submitted, Try: t.Attempt, Brief: t.Brief, Values: map[string]string{}}
		if t.Submitted {
			j.Job = t.Ref()
		}
		if t.Task < len(rows) {
			for _, v := range rows[t.Task] {
				j.Values[v.Name] = v.Value
			}
		}
		out = append(out, j)
	}
	return out
}
