package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/starter"
)

func initCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "start a job file", ArgsUsage: "[FILE]",
		Description: "Writes FILE (job.yaml without one); a file that is there is left alone. Exit codes: 0 done, 2 it exists.",
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return fault.New(fmt.Sprintf("nixbatch init takes one file, got %d arguments", c.NArg()), "nixbatch init job.yaml")
			}
			file := c.Args().First()
			if file == "" {
				file = "job.yaml"
			}
			if err := starter.Write(file); err != nil {
				return err
			}
			screen.Printf(s.Out, "%s\n", file)
			screen.Printf(s.Err, "next: nixbatch pin github:NixOS/nixpkgs/nixos-unstable, then nixbatch check %s\n", file)
			return nil
		},
	}
}
