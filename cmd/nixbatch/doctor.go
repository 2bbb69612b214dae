package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/doctor"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func doctorCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "what jobs from this directory depend on, and whether it is well",
		Description: "Each line is good, bad, or unknown where that depends on the site. Nothing is changed.\n" +
			"Exit codes: 0 nothing is bad, 2 a site file or the directory is, 3 Nix is, 4 Slurm is.",
		Flags: []cli.Flag{command.JSONFlag()},
		Action: func(c *cli.Context) error {
			if err := command.NoArgs(c); err != nil {
				return err
			}
			project, err := command.Here()
			if err != nil {
				return err
			}
			n := &nix.Nix{Runner: proc.System{}, Dir: project.Dir, Environ: os.Environ()}
			h := doctor.Look(c.Context, command.NewClient(), n, project, os.Getenv)
			if c.Bool("json") {
				err = ui.PrintJSON(s.Out, h)
			} else {
				err = ui.PrintHealth(s.Out, h)
			}
			if err != nil {
				return err
			}
			switch {
			case c.Context.Err() != nil:
				return command.Exit(command.Interrupted)
			case h.Bad("site", "project", "clock"):
				return command.Exit(command.Usage)
			case h.Bad("nix"):
				return command.Exit(command.NixFailed)
			case h.Bad("slurm"):
				return command.Exit(command.SlurmFailed)
			}
			return nil
		},
	}
}
