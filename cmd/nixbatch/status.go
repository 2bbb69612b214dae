package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func statusCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "what became of the runs", ArgsUsage: "[RUN[.TASK]]",
		Description: "RUN is a run's id, its beginning or end, the job's name (its newest run), or the number of a job of Slurm's. Without\n" +
			"one, all runs of this directory's project are listed. Slurm is asked once for all of them, and its answer serves all commands of the next\n" +
			"three seconds. Exit codes: 0 done, 2 no such run, 5 Slurm did not answer (what files tell is shown), 130 interrupted.",
		Flags: []cli.Flag{command.JSONFlag(),
			&cli.BoolFlag{Name: "all", Usage: "the runs of all of your projects"},
			&cli.BoolFlag{Name: "tasks", Usage: "every task of a sweep, also where they are many"},
			&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "go on until all is over; on a terminal the table is drawn over"}},
		Action: func(c *cli.Context) error {
			name, err := command.OneRun(c)
			if err != nil {
				return err
			}
			if c.Bool("all") && name != "" {
				return fault.New("nixbatch status takes a run, or --all", "nixbatch status --all")
			}
			if c.Bool("watch") && c.Bool("json") {
				return fault.New("--watch and --json exclude each other", "call nixbatch status --json every now and then")
			}
			all, task, err := chosenRuns(name, c.Bool("all"))
			if err != nil {
				return err
			}
			v := &ui.StatusView{Out: s.Out, Err: s.Err, One: name != "", Only: task, Tasks: c.Bool("tasks"), JSON: c.Bool("json")}
			if c.Bool("watch") {
				p := command.About()
				states, err := v.Watch(c.Context, screen.Terminal(s.Out), func(maxAge time.Duration) ([]status.Status, error) {
					p.MaxAge = maxAge
					return status.States(c.Context, command.NewClient(), all, p)
				})
				if c.Context.Err() != nil {
					return command.Exit(command.Interrupted)
				}
				command.SealOver(c.Context, s, states)
				return err
			}
			states, serr := status.States(c.Context, command.NewClient(), all, command.About())
			if err := c.Context.Err(); err != nil {
				return err // what was cut short is not Slurm's failure
			}
			command.SealOver(c.Context, s, states)
			if err := v.Print(s.Out, states); err != nil {
				return err
			}
			if serr != nil {
				if !v.JSON {
					ui.PrintError(s.Err, serr)
				}
				return command.Exit(command.Unknown)
			}
			return nil
		},
	}
}

// chosenRuns is one run and the task of it that was named (else -1), those of this
// project, or those of all projects.
func chosenRuns(name string, all bool) ([]rundir.Run, int, error) {
	if name != "" {
		r, task, err := command.Find(name)
		return []rundir.Run{r}, task, err
	}
	if all {
		runs, err := command.AllRuns()
		return runs, -1, err
	}
	p, err := command.Here()
	if err != nil {
		return nil, -1, err
	}
	runs, err := p.List()
	return runs, -1, err
}
