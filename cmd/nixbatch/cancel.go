package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/cancel"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/text"
)

func cancelCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "cancel", Usage: "cancel a run's jobs, or one task of it", ArgsUsage: "RUN[.TASK]",
		Description: "Only a job that the queue shows to be the run's is told to end. Exit codes: 0 done, 2 no such run, 4 Slurm could not be\n" +
			"asked, or this shell speaks to another cluster, 5 it is not known whether there is a job.",
		Action: func(c *cli.Context) error {
			r, task, err := command.FindRun(c, true)
			if err != nil {
				return err
			}
			out, err := cancel.Run(c.Context, command.NewClient(), r, task, command.About())
			if err != nil {
				return err
			}
			tellCancelled(s, out, task)
			return nil
		},
	}
}

func tellCancelled(s command.Streams, out cancel.Outcome, task int) {
	st := out.Status
	id := st.Run.ID
	switch out.Word {
	case cancel.Over:
		screen.Printf(s.Out, "run %s is over already: %s\n", id, st.State)
	case cancel.TaskOver:
		screen.Printf(s.Out, "task %d of run %s is over already\n", task, id)
	case cancel.NotThere:
		screen.Printf(s.Out, "run %s does not run%s\n", id, text.Because(st.Reason))
	case cancel.Here:
		screen.Printf(s.Out, "run %s is told to end; told once more, it is killed\n", id)
	case cancel.Cancelled:
		if out.Unwritten != nil {
			screen.Printf(s.Err, "nixbatch: note: that it was cancelled could not be written down: %v\n", out.Unwritten)
		}
		told := "job " + strings.Join(out.Jobs, ", ")
		switch {
		case task >= 0:
			told = fmt.Sprintf("task %d", task)
		case len(out.Jobs) > 1:
			told = "jobs " + strings.Join(out.Jobs, ", ")
		}
		screen.Printf(s.Out, "%s of run %s is told to end\n", told, id)
	}
}
