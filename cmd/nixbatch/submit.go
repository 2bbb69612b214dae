package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/prepare"
	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
)

func submitCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "submit", Usage: "plan, build, and submit", ArgsUsage: "FILE",
		Description: "Exit codes: 0 done, 1 the job failed (with --wait or --local), 2 bad job file, 3 Nix failed,\n" +
			"4 Slurm refused, 5 it is not known whether Slurm took the job, 130 interrupted.",
		Flags: []cli.Flag{jsonFlag(), localFlag(),
			&cli.BoolFlag{Name: "wait", Usage: "wait for the end, and exit with 1 if the job failed"},
			&cli.BoolFlag{Name: "dry-run", Usage: "show the plan and the batch script; build nothing, submit nothing"}},
		Action: func(c *cli.Context) error {
			file, err := oneFile(c)
			if err != nil {
				return err
			}
			return submit(c, s, file)
		},
	}
}

// submitted is what submit --json prints.
type submitted struct {
	Schema string            `json:"schema"`
	RunID  string            `json:"run_id"`
	Dir    string            `json:"run_dir"`
	JobID  int64             `json:"job_id,omitempty"`
	Local  bool              `json:"local"`
	Builds map[string]string `json:"builds"`
	Steps  []step            `json:"steps"`
	State  slurm.State       `json:"state,omitempty"` // with --wait and --local
	Reason string            `json:"reason,omitempty"`
	Start  *record.Start     `json:"start,omitempty"`
	End    *record.End       `json:"end,omitempty"`
}

type step struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// steps times the parts of a submission.
type steps struct {
	all  []step
	last time.Time
}

func (t *steps) done(name string) {
	now := time.Now()
	t.all = append(t.all, step{name, now.Sub(t.last).Seconds()})
	t.last = now
}

func submit(c *cli.Context, s Streams, file string) error {
	ctx, local, asJSON := c.Context, c.Bool("local"), c.Bool("json")
	t := &steps{last: time.Now()}
	o, p := options(c, s, local)
	defer p.clear()
	j, err := planned(ctx, file, o)
	if err != nil {
		return err
	}
	t.done("plan")
	if c.Bool("dry-run") {
		return dryRun(ctx, s, j, p, asJSON)
	}
	envs, err := j.Build(ctx)
	if err != nil {
		return err
	}
	t.done("build")
	p.clear()
	run, err := j.Create(envs)
	if err != nil {
		return err
	}
	out := submitted{Schema: "nixbatch/submitted/v1", RunID: run.ID, Dir: run.Dir, Local: local, Builds: envs}
	var st runs.Status
	if local {
		st, err = submitLocal(ctx, s, j, run, asJSON)
	} else {
		var job record.Submit
		if job, err = run.Submit(ctx, j.Slurm, j.Facts()); err == nil {
			t.done("submit")
			out.JobID = job.JobID
			if !asJSON {
				fmt.Fprintf(s.Out, "job %d, run %s\n", job.JobID, run.ID)
			}
			if c.Bool("wait") {
				st, err = follow(ctx, s, j, run, job, asJSON)
			}
		}
	}
	if err != nil {
		return err
	}
	if local || c.Bool("wait") {
		t.done("run")
	}
	out.Steps, out.State, out.Reason, out.Start, out.End = t.all, st.State, st.Reason, st.Start, st.End
	if asJSON {
		if err := ui.PrintJSON(s.Out, out); err != nil {
			return err
		}
	} else if st.State != "" {
		ui.PrintEnd(s.Out, st)
	} else {
		fmt.Fprintf(s.Out, "%s\n", run.Relative(j.WorkDir))
	}
	return verdict(ctx, st)
}

// verdict turns a final state into the exit code.
func verdict(ctx context.Context, st runs.Status) error {
	switch {
	case ctx.Err() != nil:
		return &quietError{exitInterrupted}
	case st.State == "" || st.State == slurm.Completed:
		return nil
	case st.State == slurm.Unknown:
		return &quietError{exitUnknown}
	}
	return &quietError{exitJobFailed}
}

func dryRun(ctx context.Context, s Streams, j *prepare.Job, p *progress, asJSON bool) error {
	costs, err := j.Costs(ctx)
	if err != nil {
		return err
	}
	p.clear()
	if err := printPlan(ctx, s, j, costs, asJSON); err != nil || asJSON {
		return err
	}
	fmt.Fprintln(s.Out)
	if err := printScript(s, j); err != nil {
		return err
	}
	fmt.Fprintln(s.Err, "dry run: nothing was built or submitted")
	return nil
}

func submitLocal(ctx context.Context, s Streams, j *prepare.Job, run runs.Run, asJSON bool) (runs.Status, error) {
	if err := ctx.Err(); err != nil {
		return runs.Status{}, errors.Join(err, os.RemoveAll(run.Dir))
	}
	if _, err := run.Local(j.Facts()); err != nil {
		return runs.Status{}, err
	}
	out := s.Out
	if asJSON {
		out = s.Err // standard output is for the JSON alone
	}
	if err := run.RunHere(ctx, j.WorkDir, os.Environ(), out); err != nil {
		return runs.Status{}, err
	}
	all, err := runs.States(ctx, nil, []runs.Run{run}, j.Facts())
	if err != nil {
		return runs.Status{}, err
	}
	return all[0], nil
}

// follow waits for the run's end.
func follow(ctx context.Context, s Streams, j *prepare.Job, run runs.Run, job record.Submit, asJSON bool) (runs.Status, error) {
	var shown slurm.State
	st, err := runs.Wait(ctx, j.Slurm, run, j.Facts(), func(st runs.Status) {
		if asJSON || st.State.Final() || st.State == shown {
			return
		}
		shown = st.State
		fmt.Fprintf(s.Err, "%s%s\n", st.State, ui.Because(st.Reason))
	}, func(err error) { fmt.Fprintf(s.Err, "nixbatch: %v\n", err) })
	if ctx.Err() != nil {
		fmt.Fprintf(s.Err, "no longer waiting; job %d goes on\nhint: nixbatch status, or nixbatch cancel %s\n", job.JobID, run.ID)
		return st, &quietError{exitInterrupted}
	}
	return st, err
}
