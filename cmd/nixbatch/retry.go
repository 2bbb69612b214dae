package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func retryCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "retry", Usage: "submit again what of a run did not complete", ArgsUsage: "RUN[.TASK]",
		Description: "The same environment, the same lines, the same numbers of tasks: a further attempt of each task that is over and\n" +
			"not completed. What may still run, since it is not known what became of it, is left alone without --unknown. The runs that it comes after are looked at again, as when it was submitted. What earlier attempts left stays in the record. Exit codes: 0 done, 2 no such run or nothing to retry,\n" +
			"3 Nix failed, 4 Slurm refused or is not here, 5 it is not known what became of the run.",
		Flags: []cli.Flag{jsonFlag(),
			&cli.BoolFlag{Name: "failed", Usage: "only tasks that failed, not cancelled or unsubmitted ones"},
			&cli.BoolFlag{Name: "unknown", Usage: "also tasks of which it is not known what became: you know that they do not run"},
			&cli.StringFlag{Name: "mem", Usage: "memory to ask for: a size, or a factor such as x1.5"},
			&cli.StringFlag{Name: "time", Usage: "time limit to ask for: a time, or a factor such as x2"}},
		Action: func(c *cli.Context) error {
			r, task, err := findRun(c, true)
			if err != nil {
				return err
			}
			return retry(c, s, r.Project, r, task)
		},
	}
}

func retry(c *cli.Context, s Streams, p rundir.Project, r rundir.Run, task int) error {
	ctx, client := c.Context, newClient()
	keep, err := p.LockRoots(ctx, false)
	if err != nil {
		return err
	}
	defer keep()
	var pl plan.Plan
	if err := durable.Read(r.PlanFile(), &pl); err != nil {
		return fmt.Errorf("plan of run %s: %w", r.ID, err)
	}
	n := &nix.Nix{Runner: proc.System{}, Dir: p.Dir, LogDir: filepath.Join(p.Dir, "logs"), Environ: os.Environ()}
	for _, b := range pl.Builds {
		if env, err := os.Readlink(r.EnvLink(b.Arch)); err == nil {
			if _, err := os.Stat(env); err != nil {
				continue // told below
			}
			if err := n.Keep(ctx, env); err != nil {
				return err
			}
		}
	}
	again := submit.Again{Task: task, Failed: c.Bool("failed"), Unknown: c.Bool("unknown"), Mem: c.String("mem"), Time: c.String("time"), MaxArray: 1001}
	if pl.Sweep != nil {
		again.MaxArray = submit.ArrayLimit(ctx, client, p, about().Now())
	}
	again.Left = func(sentence, way string) {
		fmt.Fprintf(s.Err, "nixbatch: note: left alone: %s\nhint: %s\n", sentence, way)
	}
	again.Ready = func() error {
		if _, err := proc.Look("sbatch"); err != nil {
			return &slurmError{&ledger.NoSlurmError{Err: err}}
		}
		return nil
	}
	sub, tasks, err := submit.Retry(ctx, r, client, again, about())
	if err != nil {
		submit.ForgetLimits(p)
		return err
	}
	tellCopies(s, sub)
	if c.Bool("json") {
		return ui.PrintJSON(s.Out, map[string]any{"schema": "nixbatch/retry/v1", "run_id": r.ID, "round": sub.Round, "job_id": sub.JobID, "tasks": tasks})
	}
	fmt.Fprintf(s.Out, "%s, run %s again\n", jobWords(sub), r.ID)
	return nil
}
