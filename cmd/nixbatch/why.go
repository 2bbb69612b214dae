package main

import (
	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/internal/why"
)

func whyCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "why", Usage: "why a run waits, or what it died of", ArgsUsage: "[RUN[.TASK]]",
		Description: "Without RUN, the newest one; of a sweep the first task that did not complete. Exit codes: 0 done, 2 no such run,\n" +
			"5 Slurm did not answer (what files tell is shown).",
		Flags: []cli.Flag{command.JSONFlag()},
		Action: func(c *cli.Context) error {
			r, task, err := command.FindRun(c, false)
			if err != nil {
				return err
			}
			why, serr := why.Explain(c.Context, r, command.NewClient(), task, command.About())
			if err := c.Context.Err(); err != nil {
				return err // what was cut short is not Slurm's failure
			}
			if why == nil {
				return serr
			}
			if c.Bool("json") {
				if err := ui.PrintJSON(s.Out, why); err != nil {
					return err
				}
			} else {
				ui.PrintWhy(s.Out, why)
			}
			if serr != nil {
				if !c.Bool("json") {
					ui.PrintError(s.Err, serr)
				}
				return command.Exit(command.Unknown)
			}
			return nil
		},
	}
}
