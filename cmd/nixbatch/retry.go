package main

import (
	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func retryCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "retry", Usage: "submit again what of a run did not complete", ArgsUsage: "RUN[.TASK]",
		Description: "The same environment, the same lines, the same numbers of tasks: a further attempt of each task that is over and\n" +
			"not completed. What may still run, since it is not known what became of it, is left alone without --unknown. The runs that it comes after are looked at again, as when it was submitted. What earlier attempts left stays in the record. Exit codes: 0 done, 2 no such run or nothing to retry,\n" +
			"3 Nix failed, 4 Slurm refused or is not here, 5 it is not known what became of the run.",
		Flags: []cli.Flag{command.JSONFlag(),
			&cli.BoolFlag{Name: "again", Usage: "also where another run of the same job is in the queue"},
			&cli.BoolFlag{Name: "failed", Usage: "only tasks that failed, not cancelled or unsubmitted ones"},
			&cli.BoolFlag{Name: "unknown", Usage: "also tasks of which it is not known what became: you know that they do not run"},
			&cli.StringFlag{Name: "mem", Usage: "memory to ask for: a size, or a factor such as x1.5"},
			&cli.StringFlag{Name: "time", Usage: "time limit to ask for: a time, or a factor such as x2"}},
		Action: func(c *cli.Context) error {
			r, task, err := command.FindRun(c, true)
			if err != nil {
				return err
			}
			again := submit.Again{Task: task, Failed: c.Bool("failed"), Unknown: c.Bool("unknown"), Mem: c.String("mem"), Time: c.String("time"), Again: c.Bool("again")}
			o, p := options(c, s, false)
			defer p.Clear()
			again.Here = o.RetryHere(r.Project)
			again.Left = func(sentence, way string) {
				screen.Printf(s.Err, "nixbatch: note: left alone: %s\nhint: %s\n", sentence, way)
			}
			sub, tasks, err := submit.Retry(c.Context, r, o.Client, again, command.About())
			if err != nil {
				return err
			}
			p.Clear()
			tellCopies(s, sub)
			if c.Bool("json") {
				return ui.PrintJSON(s.Out, ui.RetriedOf(r, sub, tasks))
			}
			screen.Printf(s.Out, "%s, run %s again\n", ui.JobWords(sub), r.ID)
			return nil
		},
	}
}
