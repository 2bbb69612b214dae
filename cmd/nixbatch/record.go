package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/finish"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/show"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func recordCommand(s Streams) *cli.Command {
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

// oneRecord is the command's argument, a run or an export; "" stands for the
// newest run.
func oneRecord(c *cli.Context) (string, error) {
	if c.NArg() > 1 {
		return "", fault.New(fmt.Sprintf("nixbatch record %s takes one run or file, got %d arguments", c.Command.Name, c.NArg()), "nixbatch record list lists the runs")
	}
	return c.Args().First(), nil
}

// recordPath is where the record is that a run or a path names. A run that is
// over is sealed before it is read.
func recordPath(ctx context.Context, s Streams, name string) (path string, isRun bool, err error) {
	found, err := finish.Find(ctx, name, here, newClient(), about())
	tellUnsealed(s, found.Unsealed)
	return found.Path, found.IsRun, err
}

// openRecord opens the record of a run or an export.
func openRecord(ctx context.Context, s Streams, name string) (*load.Record, error) {
	path, _, err := recordPath(ctx, s, name)
	if err != nil {
		return nil, err
	}
	return load.Open(path)
}

// sealOver seals what is over. That it cannot be done must not stop a command
// that has something else to do; it is tried again with the next.
func sealOver(ctx context.Context, s Streams, states []status.Status) {
	tellUnsealed(s, finish.SealOver(context.WithoutCancel(ctx), newClient(), states, about()))
}

func tellUnsealed(s Streams, err error) {
	if err != nil {
		ui.PrintError(s.Err, fmt.Errorf("the record could not be sealed: %w", err))
	}
}

func recordShow(s Streams) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "the record of a run, on one page", ArgsUsage: "[RUN|FILE]",
		Description: "Without RUN, the newest one. Exit codes: 0 done, 2 no such record, or it cannot be read.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			name, err := oneRecord(c)
			if err != nil {
				return err
			}
			r, err := openRecord(c.Context, s, name)
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

func recordList(s Streams) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "the records of this directory's project",
		Description: "Exit codes: 0 done.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			p, err := here()
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

func recordSeal(s Streams) *cli.Command {
	return &cli.Command{
		Name: "seal", Usage: "seal the record of a run that is over", ArgsUsage: "[RUN]",
		Description: "Commands that find a run over seal it by themselves. This seals also a run of which only its files tell that it\n" +
			"is over, and signs. Exit codes: 0 done, 2 no such run, not over, or sealed already, 5 Slurm did not answer.",
		Flags: []cli.Flag{jsonFlag(), &cli.BoolFlag{Name: "anew", Usage: "also where a seal was made before, and is gone"}, &cli.StringFlag{Name: "sign", Usage: "sign the seal with the SSH key in `FILE` (ssh-keygen -Y sign)"}},
		Action: func(c *cli.Context) error {
			name, err := oneRecord(c)
			if err != nil {
				return err
			}
			p, err := here()
			if err != nil {
				return err
			}
			r, err := p.Get(name)
			if err != nil {
				return err
			}
			seal, err := finish.Now(c.Context, r, newClient(), about(), finish.How{Anew: c.Bool("anew"), Runner: proc.System{}, Key: c.String("sign")})
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
