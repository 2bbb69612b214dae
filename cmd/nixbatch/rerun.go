package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/records"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/rerun"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func rerunCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "rerun", Usage: "the same again, from a record", ArgsUsage: "[RUN|FILE]",
		Description: "Lays the job out in an empty directory, checks that the builds have the recorded derivations, runs it, waits, and\n" +
			"compares the two runs. Without --here or --arch the recorded build runs, or none. A record that was changed since it\n" +
			"was sealed is refused.\n" +
			"Exit codes: 0 the results agree, 1 they differ, the job failed, or the record was changed, 2 bad record, or not the same derivation, 3 Nix\n" +
			"failed, 4 Slurm refused, 5 it is not known whether Slurm took the job, 130 interrupted.",
		Flags: []cli.Flag{command.JSONFlag(), localFlag(),
			&cli.BoolFlag{Name: "exact", Usage: "with the recorded build (the default)"},
			&cli.BoolFlag{Name: "here", Usage: "with the best build for the nodes here"},
			&cli.StringFlag{Name: "arch", Usage: "with the build for `ARCH`, such as generic"},
			&cli.StringFlag{Name: "dir", Value: ".", Usage: "an empty or a new `DIRECTORY`"},
			&cli.StringSliceFlag{Name: "without", Usage: "leave out the option `NAME` of sbatch, such as partition"}},
		Action: func(c *cli.Context) error {
			name, err := records.One(c)
			if err != nil {
				return err
			}
			arch := c.String("arch")
			if c.Bool("here") {
				arch = "auto"
			}
			if n := btoi(c.Bool("exact")) + btoi(c.Bool("here")) + btoi(c.String("arch") != ""); n > 1 {
				return fault.New("--exact, --here and --arch exclude each other", "nixbatch rerun --help")
			}
			r, err := records.Open(c.Context, s, name)
			if err != nil {
				return err
			}
			defer r.Close()
			return runAgain(c, s, r, arch)
		},
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func runAgain(c *cli.Context, s command.Streams, r *load.Record, arch string) error {
	ctx, asJSON, local := c.Context, c.Bool("json"), c.Bool("local")
	o, p := options(c, s, local)
	defer p.Clear()
	dir, err := filepath.Abs(c.String("dir"))
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	again, err := rerun.Prepare(ctx, r, rerun.Options{Dir: dir, Arch: arch, Without: c.StringSlice("without"), Prepare: o})
	if err != nil {
		return err
	}
	defer again.Close()
	j := again.Job
	p.Clear()
	for _, n := range again.Notes {
		screen.Printf(s.Err, "nixbatch: note: %s\n", n)
	}
	b, err := j.Build(ctx)
	if err != nil {
		return err
	}
	p.Clear()
	var sub *submit.Submitted
	var st status.Status
	if local {
		if sub, err = b.Local(ctx); err == nil {
			st, err = runHere(ctx, s, sub, asJSON)
		}
	} else if sub, err = b.Submit(ctx, submit.Way{Again: true, Alone: true}); err == nil {
		if !asJSON {
			screen.Printf(s.Out, "%s, run %s\n", ui.JobWords(sub.Job), sub.Run.ID)
		}
		st, err = follow(ctx, s, sub, asJSON)
	}
	if err != nil {
		return err
	}
	command.SealOver(ctx, s, []status.Status{st})
	if !asJSON {
		ui.PrintEnd(s.Out, st)
	}
	if err := verdict(ctx, st); err != nil && ctx.Err() != nil {
		return err
	}
	return againDiff(ctx, s, r, sub.Run, st, again, asJSON)
}

// againDiff compares the new run with the recorded one.
func againDiff(ctx context.Context, s command.Streams, r *load.Record, run rundir.Run, st status.Status, again *rerun.Again, asJSON bool) error {
	now, err := load.Open(run.Dir)
	if err != nil {
		return err
	}
	defer now.Close()
	rep, err := compare.Runs(r, now)
	if err != nil {
		return err
	}
	out := ui.Rerun{Schema: ui.RerunSchema, RunID: run.ID, Dir: run.Dir, State: st.State, Same: again.Same, Notes: again.Notes, Diff: rep}
	if err := ui.PrintRerun(s.Out, out, asJSON); err != nil {
		return err
	}
	return differs(ctx, st, rep)
}

// differs turns the comparison into the exit code.
func differs(ctx context.Context, st status.Status, rep *compare.Report) error {
	if err := verdict(ctx, st); err != nil {
		return err
	}
	if rep.Verdict == compare.Different || rep.Verdict == compare.NotComparable {
		return command.Exit(command.JobFailed)
	}
	return nil
}
