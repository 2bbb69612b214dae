package main

import (
	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func lsCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "ls", Usage: "all of your runs, with what they take on disk",
		Description: "The runs of all projects that you submitted from, the newest first. What runs share is not counted.\n" +
			"Exit codes: 0 done, 5 Slurm did not answer (what files tell is shown).",
		Flags: []cli.Flag{command.JSONFlag(), &cli.BoolFlag{Name: "here", Usage: "only those of this directory's project"}},
		Action: func(c *cli.Context) error {
			if err := command.NoArgs(c); err != nil {
				return err
			}
			all, err := command.AllRuns()
			if c.Bool("here") {
				all, _, err = chosenRuns("", false)
			}
			if err != nil {
				return err
			}
			list, states, serr := runs.ListAll(c.Context, command.NewClient(), all, command.About())
			if list == nil {
				return serr
			}
			command.SealOver(c.Context, s, states)
			if c.Bool("json") {
				err = ui.PrintJSON(s.Out, list)
			} else {
				ui.PrintRuns(s.Out, list, command.Clock())
			}
			if err == nil && serr != nil {
				if !c.Bool("json") {
					ui.PrintError(s.Err, serr)
				}
				return command.Exit(command.Unknown)
			}
			return err
		},
	}
}
