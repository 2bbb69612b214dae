package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
)

// shownTasks is how many tasks of a sweep status shows unless all are asked for.
const shownTasks = 40

func statusCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "what became of the runs", ArgsUsage: "[RUN]",
		Description: "RUN is a run's id, its beginning or end, or the job's name (its newest run). Without one, all runs of this\n" +
			"directory's project are listed. Slurm is asked once for all of them, and its answer serves all commands of the next\n" +
			"three seconds. Exit codes: 0 done, 2 no such run, 5 Slurm did not answer (what files tell is shown), 130 interrupted.",
		Flags: []cli.Flag{jsonFlag(),
			&cli.BoolFlag{Name: "all", Usage: "the runs of all of your projects"},
			&cli.BoolFlag{Name: "tasks", Usage: "every task of a sweep, also where they are many"},
			&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "go on until all is over; on a terminal the table is drawn over"}},
		Action: func(c *cli.Context) error {
			name, err := oneRun(c)
			if err != nil {
				return err
			}
			if c.Bool("all") && name != "" {
				return &usageError{"nixbatch status takes a run, or --all", "nixbatch status --all"}
			}
			if c.Bool("watch") && c.Bool("json") {
				return &usageError{"--watch and --json exclude each other", "call nixbatch status --json every now and then"}
			}
			all, err := chosenRuns(name, c.Bool("all"))
			if err != nil {
				return err
			}
			v := &statusView{s: s, one: name != "", tasks: c.Bool("tasks"), asJSON: c.Bool("json"), named: map[string]bool{}}
			if c.Bool("watch") {
				return v.watch(c.Context, all)
			}
			states, serr := status.States(c.Context, newClient(), all, about())
			sealOver(c.Context, s, states)
			if err := v.print(s.Out, states); err != nil {
				return err
			}
			if serr != nil {
				if !v.asJSON {
					ui.PrintError(s.Err, serr)
				}
				return &quietError{exitUnknown}
			}
			return nil
		},
	}
}

// chosenRuns is one run, those of this project, or those of all projects.
func chosenRuns(name string, all bool) ([]rundir.Run, error) {
	if all {
		projects, err := rundir.Projects(rundir.StateDir(os.Getenv))
		if err != nil {
			return nil, err
		}
		var out []rundir.Run
		for _, p := range projects {
			some, err := p.List()
			if err != nil {
				return nil, err
			}
			out = append(out, some...)
		}
		return out, nil
	}
	p, err := here()
	if err != nil {
		return nil, err
	}
	if name == "" {
		return p.List()
	}
	r, err := p.Get(name)
	if err != nil {
		return nil, err
	}
	return []rundir.Run{r}, nil
}

type statusJSON struct {
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

func statusOf(states []status.Status, tasks bool) statusJSON {
	out := statusJSON{Schema: "nixbatch/status/v1", Runs: []runJSON{}}
	for _, st := range states {
		if len(states) <= 100 {
			st.Load()
		}
		j := runJSON{
			RunID: st.Run.ID, Dir: st.Run.Dir, JobID: st.Job.JobID, Local: st.Job.Local, State: st.State, Reason: st.Reason,
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
