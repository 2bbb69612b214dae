package main

import (
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/gc"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func gcCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "gc", Usage: "let Nix collect the environments of runs that are over",
		Description: "Roots that a pending, running or requeued run needs stay, and so do those that nixbatch build made for no run.\n" +
			"Records stay too. The disk is freed by the next nix-collect-garbage. Exit codes: 0 done, 4 Slurm could not be asked\n" +
			"about a run: then nothing of that run's is dropped.",
		Flags: []cli.Flag{command.JSONFlag(), &cli.BoolFlag{Name: "dry-run", Usage: "say what would be dropped, and drop nothing"}},
		Action: func(c *cli.Context) error {
			if err := command.NoArgs(c); err != nil {
				return err
			}
			p, err := command.Here()
			if err != nil {
				return err
			}
			if !c.Bool("dry-run") { // a root of a run that is half removed is nobody's
				if err := runs.Tidy(c.Context, p); err != nil {
					return err
				}
			}
			n := &nix.Nix{Runner: proc.System{}, Dir: p.Dir, LogDir: filepath.Join(p.Dir, "logs"), Environ: os.Environ()}
			out, serr := gc.Collect(c.Context, p, command.NewClient(), n, command.About(), c.Bool("dry-run"))
			if out == nil {
				return serr
			}
			if c.Bool("json") {
				err = ui.PrintJSON(s.Out, out)
			} else {
				ui.PrintGC(s.Out, out)
			}
			if err == nil && serr != nil {
				return fault.Of(fault.Slurm, serr)
			}
			return err
		},
	}
}
