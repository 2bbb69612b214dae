package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
)

func cancelCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "cancel", Usage: "cancel a run's jobs, or one task of it", ArgsUsage: "RUN[.TASK]",
		Description: "Only a job that the queue shows to be the run's is told to end. Exit codes: 0 done, 2 no such run, 4 Slurm could not be\n" +
			"asked, or this shell speaks to another cluster, 5 it is not known whether there is a job.",
		Action: func(c *cli.Context) error {
			r, task, err := findRun(c, true)
			if err != nil {
				return err
			}
			client := newClient()
			f := about()
			f.MaxAge = 0 // what is cancelled is looked at now
			states, serr := status.States(c.Context, client, []rundir.Run{r}, f)
			if err := c.Context.Err(); err != nil {
				return err // what was cut short is not Slurm's failure
			}
			st := states[0]
			switch {
			case st.Over():
				screen.Printf(s.Out, "run %s is over already: %s\n", r.ID, st.State)
				return nil
			case st.Job.Local:
				return cancelLocal(s, st, f.Now())
			}
			if st.Elsewhere != "" {
				return fault.Of(fault.Slurm, serr)
			}
			open, _ := st.Open(task)
			if len(open) == 0 {
				if task >= 0 {
					screen.Printf(s.Out, "task %d of run %s is over already\n", task, r.ID)
					return nil
				}
				return &ledger.UncertainError{RunID: r.ID, Err: serr}
			}
			return cancel(c.Context, s, client, st, task, open, f)
		},
	}
}

// cancelLocal tells the agent of a local run to end.
func cancelLocal(s Streams, st status.Status, now time.Time) error {
	if st.State != slurm.Running {
		screen.Printf(s.Out, "run %s does not run%s\n", st.Run.ID, ui.Because(st.Reason))
		return nil
	}
	if err := submit.CancelHere(st.Run, now); err != nil {
		return err
	}
	screen.Printf(s.Out, "run %s is told to end; told once more, it is killed\n", st.Run.ID)
	return nil
}

// cancel tells those of a run's jobs to end that the queue shows to be its own.
func cancel(ctx context.Context, s Streams, client *slurm.Client, st status.Status, task int, open []slurm.Wanted, f ledger.About) error {
	r := st.Run
	jobs, err := client.Confirm(ctx, open...)
	if err != nil {
		return fault.Of(fault.Slurm, ledger.FromSlurm(err))
	}
	if len(jobs) == 0 {
		return &ledger.UncertainError{RunID: r.ID, Err: errors.New("Slurm shows no job of it, and nothing was cancelled" + text.Because(st.Reason))}
	}
	if err := client.Cancel(ctx, jobs...); err != nil {
		return fault.Of(fault.Slurm, ledger.FromSlurm(err))
	}
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID()
	}
	if err := ledger.Cancelled(r, ids, f.Now()); err != nil {
		// Slurm knows, and tells it for as long as it remembers the job.
		screen.Printf(s.Err, "nixbatch: note: that it was cancelled could not be written down: %v\n", err)
	}
	status.Forget(f)
	told := "job " + strings.Join(ids, ", ")
	switch {
	case task >= 0:
		told = fmt.Sprintf("task %d", task)
	case len(ids) > 1:
		told = "jobs " + strings.Join(ids, ", ")
	}
	screen.Printf(s.Out, "%s of run %s is told to end\n", told, r.ID)
	return nil
}
