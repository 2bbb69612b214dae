package records

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/finish"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/show"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/ui"
)

// Command is nixbatch record.
func Command(s command.Streams) *cli.Command {
	c := &cli.Command{
		Name: "record", Usage: "what a run left: show it, check it, compare it, hand it on",
		Description: "RUN is a run as nixbatch status names it; FILE is an export, a directory or a zip.",
		Subcommands: []*cli.Command{recordShow(s), recordList(s), recordSeal(s), recordVerify(s), recordDiff(s), recordExport(s)},
	}
	for _, sub := range c.Subcommands {
		sub.HideHelpCommand = true
		sub.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
			return fault.New(err.Error(), "nixbatch record "+sub.Name+" --help")
		}
	}
	return c
}

// One is the command's argument, a run or an export; "" stands for the
// newest run.
func One(c *cli.Context) (string, error) {
	if c.NArg() > 1 {
		return "", fault.New(fmt.Sprintf("nixbatch record %s takes one run or file, got %d arguments", c.Command.Name, c.NArg()), "nixbatch record list lists the runs")
	}
	return c.Args().First(), nil
}

// find is where the record is that a run or a path names. A run that is over is
// sealed before it is read.
func find(ctx context.Context, s command.Streams, name string) (finish.Found, error) {
	found, err := finish.Find(ctx, name, command.Find, command.NewClient(), command.About())
	command.TellUnsealed(s, found.Unsealed)
	return found, err
}

// recordPath is find for what is about whole records.
func recordPath(ctx context.Context, s command.Streams, name string) (path string, isRun bool, err error) {
	found, err := find(ctx, s, name)
	if err == nil {
		err = command.Whole(name, found.Task)
	}
	return found.Path, found.IsRun, err
}

// Open opens the record of a run or an export.
func Open(ctx context.Context, s command.Streams, name string) (*load.Record, error) {
	path, _, err := recordPath(ctx, s, name)
	if err != nil {
		return nil, err
	}
	return load.Open(path)
}

func recordShow(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "the record of a run, on one page", ArgsUsage: "[RUN|FILE]",
		Description: "Without RUN, the newest one. Exit codes: 0 done, 2 no such record, or it cannot be read.",
		Flags:       []cli.Flag{command.JSONFlag()},
		Action: func(c *cli.Context) error {
			name, err := One(c)
			if err != nil {
				return err
			}
			r, err := Open(c.Context, s, name)
			if err != nil {
				return err
			}
			defer r.Close()
			if c.Bool("json") {
				return show.JSON(s.Out, r)
			}
			return show.Text(s.Out, r)
		},
	}
}

func recordList(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "the records of this directory's project",
		Description: "Exit codes: 0 done.",
		Flags:       []cli.Flag{command.JSONFlag()},
		Action: func(c *cli.Context) error {
			if err := command.NoArgs(c); err != nil {
				return err
			}
			p, err := command.Here()
			if err != nil {
				return err
			}
			all, err := p.List()
			if err != nil {
				return err
			}
			list := show.List{Schema: show.ListSchema, Records: []show.Entry{}}
			for _, r := range all {
				list.Records = append(list.Records, show.EntryOf(r.ID, r.Dir))
			}
			if c.Bool("json") {
				return ui.PrintJSON(s.Out, list)
			}
			list.Text(s.Out)
			return nil
		},
	}
}

func recordSeal(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "seal", Usage: "seal the record of a run that is over", ArgsUsage: "[RUN]",
		Description: "Commands that find a run over seal it by themselves. This seals also a run of which only its files tell that it\n" +
			"is over, and signs. Exit codes: 0 done, 2 no such run, not over, or sealed already, 5 Slurm did not answer.",
		Flags: []cli.Flag{command.JSONFlag(), &cli.BoolFlag{Name: "anew", Usage: "also where a seal was made before, and is gone"}, &cli.StringFlag{Name: "sign", Usage: "sign the seal with the SSH key in `FILE` (ssh-keygen -Y sign)"}},
		Action: func(c *cli.Context) error {
			name, err := One(c)
			if err != nil {
				return err
			}
			r, err := command.FindWhole(name)
			if err != nil {
				return err
			}
			seal, err := finish.Now(c.Context, r, command.NewClient(), command.About(), finish.How{Anew: c.Bool("anew"), Runner: proc.System{}, Key: c.String("sign")})
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return ui.PrintJSON(s.Out, seal)
			}
			screen.Printf(s.Out, "run %s is sealed\nseal %s\nroot %s\n", seal.RunID, seal.ID, seal.Root)
			return nil
		},
	}
}
