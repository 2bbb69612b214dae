package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
)

func submitCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "submit", Usage: "plan, build, and submit", ArgsUsage: "FILE",
		Description: "A job whose like is in the queue already is not submitted a second time, unless --again says so. With --chain,\n" +
			"several files are submitted, each to start when the one before is completed.\n" +
			"Exit codes: 0 done, 1 the job failed (with --wait or --local), 2 bad job file, or the same job is there, 3 Nix failed,\n" +
			"4 Slurm refused, 5 it is not known whether Slurm took the job, 130 interrupted.",
		Flags: []cli.Flag{jsonFlag(), localFlag(),
			&cli.BoolFlag{Name: "wait", Usage: "wait for the end, and exit with 1 if the job failed"},
			&cli.BoolFlag{Name: "again", Usage: "submit also what is in the queue already"},
			&cli.BoolFlag{Name: "chain", Usage: "several files, one after the other"},
			&cli.BoolFlag{Name: "dry-run", Usage: "show the plan and the batch script; build nothing, submit nothing"}},
		Action: func(c *cli.Context) error {
			if c.Bool("chain") {
				return chain(c, s, c.Args().Slice())
			}
			file, err := oneFile(c)
			if err != nil {
				return err
			}
			return submitFile(c, s, file)
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
	Start  *facts.Start      `json:"start,omitempty"`
	End    *facts.End        `json:"end,omitempty"`
}

// settle takes over what is known of the run.
func (o *submitted) settle(t *steps, st status.Status) {
	o.Steps, o.State, o.Reason, o.Start, o.End = t.all, st.State, st.Reason, st.Start, st.End
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

func submitFile(c *cli.Context, s Streams, file string) (err error) {
	ctx, local, asJSON := c.Context, c.Bool("local"), c.Bool("json")
	called := false // sbatch: from then on it is told otherwise what became of the job
	defer func() {
		if !called && !local && !c.Bool("dry-run") {
			err = stopped(ctx, err, "nothing was submitted")
		}
	}()
	t := &steps{last: time.Now()}
	o, p := options(c, s, local)
	defer p.clear()
	o.Count = c.Bool("dry-run")
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
	var run rundir.Run
	var job facts.Submit
	var st status.Status
	if local {
		if run, err = j.Create(envs); err == nil {
			st, err = submitLocal(ctx, s, j, run, asJSON)
		}
	} else {
		if run, job, err = enqueue(ctx, s, j, envs, nil, c.Bool("again")); err == nil {
			called = true
			defer tellSubmitted(s, job, run)
			t.done("submit")
			if !asJSON {
				fmt.Fprintf(s.Out, "%s, run %s\n", jobWords(job), run.ID)
			}
			if c.Bool("wait") {
				st, err = follow(ctx, s, j, run, job, asJSON)
			}
		}
	}
	out := submitted{Schema: "nixbatch/submitted/v1", RunID: run.ID, Dir: run.Dir, Local: local, Builds: envs, JobID: job.JobID}
	if err != nil {
		var quiet *quietError
		if asJSON && run.ID != "" && errors.As(err, &quiet) && quiet.code == exitInterrupted {
			out.settle(t, st)
			if st.State == "" {
				out.State = slurm.Unknown // it was never looked at
			}
			return errors.Join(err, ui.PrintJSON(s.Out, out))
		}
		return err
	}
	if local || c.Bool("wait") {
		t.done("run")
		sealOver(ctx, s, []status.Status{st})
	}
	out.settle(t, st)
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

// tellSubmitted names the job where standard output could not.
func tellSubmitted(s Streams, job facts.Submit, run rundir.Run) {
	if s.unwritten() != nil {
		fmt.Fprintf(s.Err, "%s, run %s\n", jobWords(job), run.ID)
	}
}

// enqueue makes the run's directory and submits it, one job of a name at a time.
func enqueue(ctx context.Context, s Streams, j *submit.Job, envs map[string]string, parents []rundir.Run, again bool) (rundir.Run, facts.Submit, error) {
	fail := func(err error) (rundir.Run, facts.Submit, error) { return rundir.Run{}, facts.Submit{}, err }
	release, err := j.Project.LockName(ctx, j.Plan.Name)
	if err != nil {
		return fail(err)
	}
	defer release()
	if !again {
		// Slurm need not answer this: submitting will tell.
		twins, _ := submit.Twins(ctx, j.Project, j.Slurm, j.Plan, about())
		for _, tw := range twins {
			if len(tw.Differ) == 0 {
				return fail(&submit.SameError{RunID: tw.Status.Run.ID, State: tw.Status.State, JobID: tw.Status.Job.JobID})
			}
			fmt.Fprintf(s.Err, "nixbatch: note: run %s of that name is %s; this job differs in %s\n",
				tw.Status.Run.ID, tw.Status.State, strings.Join(tw.Differ, ", "))
		}
	}
	options, err := j.After(ctx, parents)
	if err != nil {
		return fail(err)
	}
	keep, err := j.Project.LockRoots(ctx, false)
	if err != nil {
		return fail(err)
	}
	defer keep()
	// A gc may have come since the builds were found ready.
	for _, b := range j.Plan.Builds {
		if err := j.Nix.Keep(ctx, envs[b.Arch]); err != nil {
			return fail(err)
		}
	}
	run, err := j.Create(envs)
	if err != nil {
		return fail(err)
	}
	j.Project.Remember(rundir.StateDir(os.Getenv))
	job, err := j.Submit(ctx, run, options)
	tellCopies(s, job)
	return run, job, err
}

// jobWords is "job 12", and for a sweep "12 tasks in jobs 3, 4".
func jobWords(job facts.Submit) string {
	var ids []string
	n := 0
	for _, b := range job.Jobs {
		if b.JobID != 0 {
			ids = append(ids, strconv.FormatInt(b.JobID, 10))
			n += b.Count
		}
	}
	if len(job.Jobs) == 0 || job.Jobs[0].Array == "" {
		return fmt.Sprintf("job %d", job.JobID)
	}
	if len(ids) == 1 {
		return fmt.Sprintf("%s in job %s", text.Plural(n, "task"), ids[0])
	}
	return fmt.Sprintf("%s in jobs %s", text.Plural(n, "task"), strings.Join(ids, ", "))
}

// tellCopies names jobs that a wrapper around sbatch submitted beside the run's:
// they stop by themselves.
func tellCopies(s Streams, job facts.Submit) {
	for _, id := range job.Copies {
		fmt.Fprintf(s.Err, "nixbatch: note: sbatch submitted it more than once: job %d is a copy, and stops by itself\n", id)
	}
}

// chain submits several jobs, each of which waits for the one before. All of
// them are planned and built before the first is submitted.
func chain(c *cli.Context, s Streams, files []string) (err error) {
	if len(files) < 2 || c.Bool("local") || c.Bool("dry-run") || c.Bool("wait") {
		return &usageError{"--chain takes two job files or more, and neither --local, --wait nor --dry-run", "nixbatch submit first.yaml second.yaml --chain"}
	}
	ctx := c.Context
	note := "nothing was submitted"
	defer func() { err = stopped(ctx, err, note) }()
	o, p := options(c, s, false)
	defer p.clear()
	var jobs []*submit.Job
	var envs []map[string]string
	for _, f := range files {
		j, err := planned(ctx, f, o)
		if err != nil {
			return err
		}
		e, err := j.Build(ctx)
		if err != nil {
			return err
		}
		jobs, envs = append(jobs, j), append(envs, e)
	}
	p.clear()
	var out []submitted
	var parents []rundir.Run
	for i, j := range jobs {
		run, job, err := enqueue(ctx, s, j, envs[i], parents, c.Bool("again"))
		if err != nil {
			return fmt.Errorf("%s: %w", files[i], err)
		}
		defer tellSubmitted(s, job, run)
		note = "submitted up to " + files[i] + ", and nothing behind it"
		if !c.Bool("json") {
			fmt.Fprintf(s.Out, "%s, run %s\n", jobWords(job), run.ID)
		}
		out = append(out, submitted{Schema: "nixbatch/submitted/v1", RunID: run.ID, Dir: run.Dir, JobID: job.JobID, Builds: envs[i], Steps: []step{}})
		parents = []rundir.Run{run}
	}
	if c.Bool("json") {
		return ui.PrintJSON(s.Out, map[string]any{"schema": "nixbatch/chain/v1", "runs": out})
	}
	return nil
}

// verdict turns a final state into the exit code.
func verdict(ctx context.Context, st status.Status) error {
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

func dryRun(ctx context.Context, s Streams, j *submit.Job, p *progress, asJSON bool) error {
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

func submitLocal(ctx context.Context, s Streams, j *submit.Job, run rundir.Run, asJSON bool) (status.Status, error) {
	if err := ctx.Err(); err != nil {
		return status.Status{}, errors.Join(err, os.RemoveAll(run.Dir))
	}
	if _, err := ledger.Local(run, j.Facts()); err != nil {
		return status.Status{}, err
	}
	out := s.Out
	if asJSON {
		out = s.Err // standard output is for the JSON alone
	}
	if err := submit.RunHere(ctx, run, j.WorkDir, os.Environ(), out); err != nil {
		return status.Status{}, err
	}
	all, err := status.States(ctx, nil, []rundir.Run{run}, j.Facts())
	if err != nil {
		return status.Status{}, err
	}
	return all[0], nil
}

// follow waits for the run's end.
func follow(ctx context.Context, s Streams, j *submit.Job, run rundir.Run, job facts.Submit, asJSON bool) (status.Status, error) {
	var shown slurm.State
	st, err := status.Wait(ctx, j.Slurm, run, j.Facts(), func(st status.Status) {
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
