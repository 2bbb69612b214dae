package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/doctor"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func doctorCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "what jobs from this directory depend on, and whether it is well",
		Description: "Each line is good, bad, or unknown where that depends on the site. Nothing is changed.\n" +
			"Exit codes: 0 nothing is bad, 2 a site file or the directory is, 3 Nix is, 4 Slurm is.",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			project, err := here()
			if err != nil {
				return err
			}
			n := &nix.Nix{Runner: proc.System{}, Dir: project.Dir, Environ: os.Environ()}
			h := doctor.Look(c.Context, newClient(), n, project, os.Getenv)
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
				return &quietError{exitInterrupted}
			case h.Bad("site", "project", "clock"):
				return &quietError{exitUsage}
			case h.Bad("nix"):
				return &quietError{exitNix}
			case h.Bad("slurm"):
				return &quietError{exitSlurm}
			}
			return nil
		},
	}
}
