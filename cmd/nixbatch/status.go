package main

import (
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
)

func statusCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "what became of the runs", ArgsUsage: "[RUN]",
		Description: "RUN is a run's id, its beginning or end, or the job's name (its newest run). Without one, all runs of this\n" +
			"directory's project are listed. Exit codes: 0 done, 2 no such run, 5 Slurm did not answer (what files tell is shown).",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			name, err := oneRun(c)
			if err != nil {
				return err
			}
			p, err := here()
			if err != nil {
				return err
			}
			all, err := p.List()
			if err != nil {
				return err
			}
			if name != "" {
				r, err := p.Get(name)
				if err != nil {
					return err
				}
				all = []runs.Run{r}
			}
			states, serr := runs.States(c.Context, newClient(), all, facts())
			if c.Bool("json") {
				if err := ui.PrintJSON(s.Out, statusOf(states)); err != nil {
					return err
				}
			} else if len(states) == 0 {
				fmt.Fprintln(s.Err, "no runs here; they are found in .nixbatch of this directory or its parents")
			} else {
				ui.PrintStatus(s.Out, states)
			}
			if serr != nil {
				if !c.Bool("json") {
					ui.PrintError(s.Err, serr)
				}
				return &quietError{exitUnknown}
			}
			return nil
		},
	}
}

type statusJSON struct {
	Schema string    `json:"schema"`
	Runs   []runJSON `json:"runs"`
}

type runJSON struct {
	RunID  string        `json:"run_id"`
	Dir    string        `json:"run_dir"`
	JobID  int64         `json:"job_id,omitempty"`
	Local  bool          `json:"local"`
	State  slurm.State   `json:"state"`
	Reason string        `json:"reason,omitempty"`
	Sent   bool          `json:"submitted"`
	Try    int           `json:"attempt"`
	Start  *record.Start `json:"start,omitempty"`
	End    *record.End   `json:"end,omitempty"`
}

func statusOf(states []runs.Status) statusJSON {
	out := statusJSON{Schema: "nixbatch/status/v1", Runs: []runJSON{}}
	for _, st := range states {
		out.Runs = append(out.Runs, runJSON{
			RunID: st.Run.ID, Dir: st.Run.Dir, JobID: st.Job.JobID, Local: st.Job.Local, State: st.State, Reason: st.Reason,
			Sent: !st.NotSubmitted, Try: st.Attempt, Start: st.Start, End: st.End,
		})
	}
	return out
}

func cancelCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "cancel", Usage: "cancel a run's job", ArgsUsage: "RUN",
		Description: "Exit codes: 0 done, 2 no such run, 4 Slurm could not be asked, 5 it is not known whether there is a job.",
		Action: func(c *cli.Context) error {
			name, err := oneRun(c)
			if err != nil {
				return err
			}
			if name == "" {
				return &usageError{"nixbatch cancel needs a run", "nixbatch status lists the runs"}
			}
			p, err := here()
			if err != nil {
				return err
			}
			r, err := p.Get(name)
			if err != nil {
				return err
			}
			client := newClient()
			states, serr := runs.States(c.Context, client, []runs.Run{r}, facts())
			st := states[0]
			switch {
			case st.Job.Local:
				return &runs.Error{Message: "run " + r.ID + " is a local one", Way: "press Ctrl-C where it runs"}
			case st.State.Final() || st.NotSubmitted:
				fmt.Fprintf(s.Out, "run %s is over already: %s\n", r.ID, st.State)
				return nil
			case st.Job.JobID == 0:
				return &runs.UncertainError{RunID: r.ID, Err: serr}
			}
			if err := client.Cancel(c.Context, strconv.FormatInt(st.Job.JobID, 10)); err != nil {
				return &slurmError{err}
			}
			fmt.Fprintf(s.Out, "job %d of run %s is told to end\n", st.Job.JobID, r.ID)
			return nil
		},
	}
}
