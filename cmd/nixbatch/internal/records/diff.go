package records

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func recordDiff(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "diff", Usage: "in what two runs differ, the most telling first", ArgsUsage: "RUN|FILE RUN|FILE",
		Description: "Numbers that numbers: in the job file names are compared with their tolerances.\n" +
			"Exit codes: 0 the results agree, 1 they differ or one run has none, 2 no such record.",
		Flags: []cli.Flag{command.JSONFlag()},
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return fault.New(fmt.Sprintf("nixbatch record diff takes two runs or files, got %d arguments", c.NArg()), "nixbatch record list lists the runs")
			}
			a, err := Open(c.Context, s, c.Args().Get(0))
			if err != nil {
				return err
			}
			defer a.Close()
			b, err := Open(c.Context, s, c.Args().Get(1))
			if err != nil {
				return err
			}
			defer b.Close()
			rep, err := compare.Runs(a, b)
			if err != nil {
				return err
			}
			return printDiff(s, rep, c.Bool("json"))
		},
	}
}

func printDiff(s command.Streams, rep *compare.Report, asJSON bool) error {
	if asJSON {
		if err := ui.PrintJSON(s.Out, rep); err != nil {
			return err
		}
	} else {
		rep.Text(s.Out)
	}
	if rep.Verdict == compare.Different || rep.Verdict == compare.NotComparable {
		return command.Exit(command.JobFailed)
	}
	return nil
}
