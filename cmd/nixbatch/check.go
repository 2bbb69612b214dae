package main

import (
	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/jobspec"
)

func checkCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "every problem in a job file", ArgsUsage: "FILE",
		Description: "Needs neither Nix nor Slurm. Exit codes: 0 no problem, 2 problems.",
		Flags:       []cli.Flag{command.JSONFlag()},
		Action: func(c *cli.Context) error {
			file, err := oneFile(c)
			if err != nil {
				return err
			}
			o, _ := options(c, s, true)
			j, err := submit.Load(file, o)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return ui.PrintJSON(s.Out, ui.CheckedOf(j.Spec.Name))
			}
			screen.Printf(s.Out, "%s: no problems\n", file)
			return nil
		},
	}
}

func schemaCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "schema", Usage: "the JSON Schema of job files, for editors",
		Action: func(c *cli.Context) error {
			if err := command.NoArgs(c); err != nil {
				return err
			}
			_, err := s.Out.Write(jobspec.Schema())
			return err
		},
	}
}
