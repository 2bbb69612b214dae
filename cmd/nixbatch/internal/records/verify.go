package records

import (
	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func recordVerify(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "one page of verdicts on a record", ArgsUsage: "[RUN|FILE]",
		Description: "Each line is proved, failed, claimed or unknown. Needs neither Nix nor Slurm; with them, it proves more.\n" +
			"Exit codes: 0 nothing failed, 1 something failed, 2 no such record, 7 this machine could not read it: nothing is said of it then.",
		Flags: []cli.Flag{command.JSONFlag(),
			&cli.StringFlag{Name: "signers", Usage: "the allowed signers are in `FILE` (ssh-keygen(1))"},
			&cli.BoolFlag{Name: "no-store", Usage: "do not hash the store paths of the builds"}},
		Action: func(c *cli.Context) error {
			name, err := One(c)
			if err != nil {
				return err
			}
			path, isRun, err := recordPath(c.Context, s, name)
			if err != nil {
				return err
			}
			o := check.Options{Runner: proc.System{}, Signers: c.String("signers"), NoStore: c.Bool("no-store")}
			if isRun {
				o.Slurm = command.NewClient()
			}
			rep, err := check.Verify(c.Context, path, o)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				err = ui.PrintJSON(s.Out, rep)
			} else {
				rep.Text(s.Out)
			}
			if err == nil && !rep.OK {
				err = command.Exit(command.JobFailed)
			}
			return err
		},
	}
}
