package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/finish"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/show"
	"github.com/nixbatch/nixbatch/internal/record/source"
	"github.com/nixbatch/nixbatch/internal/rundir"
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

// isExport tells a path from the name of a run.
func isExport(name string) bool {
	st, err := durable.Stat(name)
	switch {
	case err != nil:
		return true // it is told when it is read
	case st == nil:
		return strings.Contains(name, "/") || strings.HasSuffix(name, ".zip")
	case st.IsDir():
		there, err := durable.There(filepath.Join(name, facts.PlanFile))
		return there || err != nil || strings.Contains(name, "/")
	}
	return true
}

// recordPath is where the record is that a run or a path names. A run that is
// over is sealed before it is read.
func recordPath(ctx context.Context, s Streams, name string) (path string, isRun bool, err error) {
	if name != "" && isExport(name) {
		return name, false, load.NoRecord(name)
	}
	p, err := here()
	if err != nil {
		return "", false, err
	}
	r, err := p.Get(name)
	if err != nil {
		if st, serr := durable.Stat(name); name != "" && serr == nil && st != nil && st.IsDir() {
			if none := load.NoRecord(name); none != nil {
				return "", false, none
			}
			return name, false, nil // what is left of one: record verify tells
		}
		return "", false, err
	}
	if !finish.Sealed(r) {
		// Whether it is over is asked where Slurm is; a record can be read anywhere.
		states, serr := status.States(ctx, newClient(), []rundir.Run{r}, about())
		if err := ctx.Err(); err != nil {
			return "", false, err
		}
		if serr == nil {
			sealOver(ctx, s, states)
		}
	}
	return r.Dir, true, nil
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
	if err := finish.SealOver(context.WithoutCancel(ctx), newClient(), states, about()); err != nil {
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
			if !finish.Sealed(r) {
				states, serr := status.States(c.Context, newClient(), []rundir.Run{r}, about())
				if err := c.Context.Err(); err != nil {
					return err
				}
				if serr != nil {
					return &ledger.UncertainError{RunID: r.ID, Err: serr}
				}
				make := finish.Seal
				if c.Bool("anew") {
					make = finish.Anew
				}
				if _, err := make(c.Context, states[0], newClient(), about(), true); err != nil {
					return err
				}
			} else if c.String("sign") == "" {
				return &fault.Error{Message: "run " + r.ID + " is sealed already", Way: "nixbatch record verify " + r.ID}
			}
			if key := c.String("sign"); key != "" {
				if err := seal.Sign(c.Context, proc.System{}, r.Dir, key); errors.Is(err, durable.ErrExists) {
					return &fault.Error{Message: "run " + r.ID + " is signed already", Way: "nixbatch record verify " + r.ID}
				} else if err != nil {
					return err
				}
			}
			src, err := source.Open(r.Dir)
			if err != nil {
				return err
			}
			defer src.Close()
			seal, err := seal.Read(src)
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
