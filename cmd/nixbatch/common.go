package main

import (
	"context"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func localFlag() cli.Flag {
	return &cli.BoolFlag{Name: "local", Usage: "for this machine, without Slurm"}
}

// oneFile is the command's one argument, the job file.
func oneFile(c *cli.Context) (string, error) {
	if c.NArg() != 1 {
		return "", fault.New(fmt.Sprintf("nixbatch %s takes one job file, got %d arguments", c.Command.Name, c.NArg()),
			fmt.Sprintf("nixbatch %s job.yaml", c.Command.Name))
	}
	return c.Args().First(), nil
}

// options is what commands that prepare a job share.
func options(c *cli.Context, s command.Streams, local bool) (submit.Options, *ui.Progress) {
	p := ui.NewProgress(s.Err, c.Bool("json"))
	return submit.Options{
		Local: local, Tool: command.Tool(), Runner: proc.System{}, Environ: os.Environ(), Now: command.Clock,
		Client: command.NewClient(), Progress: p.Event,
	}, p
}

// planned loads a job file and plans it.
func planned(ctx context.Context, file string, o submit.Options) (*submit.Planned, error) {
	j, err := submit.Load(file, o)
	if err != nil {
		return nil, err
	}
	return j.MakePlan(ctx)
}
