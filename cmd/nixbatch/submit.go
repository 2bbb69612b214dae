package main

import (
	"context"
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
)

func submitCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "submit", Usage: "plan, build, and submit", ArgsUsage: "FILE",
		Description: "A job whose like is in the queue already is not submitted a second time, unless --again says so. With --chain,\n" +
			"several files are submitted, each to start when the one before is completed.\n" +
			"Exit codes: 0 done, 1 the job failed (with --wait or --local), 2 bad job file, or the same job is there, 3 Nix failed,\n" +
			"4 Slurm refused, 5 it is not known whether Slurm took the job, 130 interrupted.",
		Flags: []cli.Flag{command.JSONFlag(), localFlag(),
			&cli.BoolFlag{Name: "wait", Usage: "wait for the end, and exit with 1 if the job failed"},
			&cli.BoolFlag{Name: "again", Usage: "submit also what is in the queue already"},
			&cli.BoolFlag{Name: "chain", Usage: "several files, one after the other"},
			&cli.BoolFlag{Name: "dry-run", Usage: "show the plan and the batch script; build nothing, submit nothing"}, whyFlag()},
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

func submitFile(c *cli.Context, s command.Streams, file string) (err error) {
	ctx, local, asJSON := c.Context, c.Bool("local"), c.Bool("json")
	called := false // sbatch: from then on it is told otherwise what became of the job
	defer func() {
		if !called && !local && !c.Bool("dry-run") {
			err = stopped(ctx, err, "nothing was submitted")
		}
	}()
	t := ui.StepsFrom()
	o, p := options(c, s, local)
	defer p.Clear()
	o.Count = c.Bool("dry-run")
	j, err := planned(ctx, file, o)
	if err != nil {
		return err
	}
	t.Done("plan")
	if c.Bool("dry-run") {
		return dryRun(ctx, s, j, p, asJSON, c.Bool("why"))
	}
	b, err := j.Build(ctx)
	if err != nil {
		return err
	}
	t.Done("build")
	p.Clear()
	if local {
		return runLocal(ctx, s, b, t, asJSON)
	}
	sub, err := b.Submit(ctx, submit.Way{Again: c.Bool("again"), Differ: tellTwin(s)})
	if err != nil {
		return err
	}
	called = true
	defer tellSubmitted(s, sub)
	tellCopies(s, sub.Job)
	t.Done("submit")
	if !asJSON {
		screen.Printf(s.Out, "%s, run %s\n", ui.JobWords(sub.Job), sub.Run.ID)
	}
	var st status.Status
	if c.Bool("wait") {
		if st, err = follow(ctx, s, sub, asJSON); err != nil {
			return cutShort(s, sub, t, st, err, asJSON)
		}
	}
	return ended(ctx, s, sub, t, st, asJSON)
}

// runLocal runs a built job here.
func runLocal(ctx context.Context, s command.Streams, b *submit.Built, t *ui.Steps, asJSON bool) error {
	sub, err := b.Local(ctx)
	if err != nil {
		return err
	}
	st, err := runHere(ctx, s, sub, asJSON)
	if err != nil {
		return err
	}
	return ended(ctx, s, sub, t, st, asJSON)
}

// runHere runs a job here and shows what it prints, which is its own; not on
// standard output where that is for JSON alone.
func runHere(ctx context.Context, s command.Streams, sub *submit.Submitted, asJSON bool) (status.Status, error) {
	to := s.Out
	if asJSON {
		to = s.Err
	}
	out := screen.Raw(to)
	st, err := sub.RunHere(ctx, out)
	_ = screen.Close(out) // the stream remembers that it failed
	return st, err
}

// tellTwin tells of a run of the job's name that is another job.
func tellTwin(s command.Streams) func(submit.Twin) {
	return func(tw submit.Twin) {
		screen.Printf(s.Err, "nixbatch: note: run %s of that name is %s; this job differs in %s\n",
			tw.Status.Run.ID, tw.Status.State, strings.Join(tw.Differ, ", "))
	}
}

// cutShort tells in JSON too what an interrupt found, where it ended the waiting.
func cutShort(s command.Streams, sub *submit.Submitted, t *ui.Steps, st status.Status, err error, asJSON bool) error {
	var quiet *command.Quiet
	if !asJSON || !errors.As(err, &quiet) || quiet.Code != command.Interrupted {
		return err
	}
	out := ui.SubmittedOf(sub)
	out.Settle(t, st)
	if st.State == "" {
		out.State = slurm.Unknown // it was never looked at
	}
	return errors.Join(err, ui.PrintJSON(s.Out, out))
}

// ended tells what became of a submission; st is empty for one that was not
// waited for.
func ended(ctx context.Context, s command.Streams, sub *submit.Submitted, t *ui.Steps, st status.Status, asJSON bool) error {
	if st.State != "" {
		t.Done("run")
		command.SealOver(ctx, s, []status.Status{st})
	}
	out := ui.SubmittedOf(sub)
	out.Settle(t, st)
	switch {
	case asJSON:
		if err := ui.PrintJSON(s.Out, out); err != nil {
			return err
		}
	case st.State != "":
		ui.PrintEnd(s.Out, st)
	default:
		screen.Printf(s.Out, "%s\n", sub.Run.Relative(sub.WorkDir))
	}
	return verdict(ctx, st)
}

// tellCopies names jobs that a wrapper around sbatch submitted beside the run's:
// they stop by themselves. And it says where a number is sbatch's word alone.
func tellCopies(s command.Streams, job facts.Submit) {
	if job.Unconfirmed {
		screen.Printf(s.Err, "nixbatch: note: sbatch is not Slurm's own here, and Slurm could not be asked whether its answer is right\nhint: nixbatch status %s asks again\n", job.RunID)
	}
	for _, id := range job.Copies {
		screen.Printf(s.Err, "nixbatch: note: sbatch submitted it more than once: job %d is a copy, and stops by itself\n", id)
	}
}

// tellSubmitted names the job where standard output could not.
func tellSubmitted(s command.Streams, sub *submit.Submitted) {
	if s.Unwritten() != nil {
		screen.Printf(s.Err, "%s, run %s\n", ui.JobWords(sub.Job), sub.Run.ID)
	}
}

// chain submits several jobs, each of which waits for the one before.
func chain(c *cli.Context, s command.Streams, files []string) (err error) {
	if len(files) < 2 || c.Bool("local") || c.Bool("dry-run") || c.Bool("wait") {
		return fault.New("--chain takes two job files or more, and neither --local, --wait nor --dry-run", "nixbatch submit first.yaml second.yaml --chain")
	}
	note := "nothing was submitted"
	defer func() { err = stopped(c.Context, err, note) }()
	o, p := options(c, s, false)
	defer p.Clear()
	var out []ui.Submitted
	var subs []*submit.Submitted
	defer func() {
		for _, sub := range subs {
			tellSubmitted(s, sub)
		}
	}()
	way := submit.Way{Again: c.Bool("again"), Differ: tellTwin(s)}
	err = submit.Chain(c.Context, files, o, way, func(sub *submit.Submitted) {
		p.Clear()
		note = "submitted up to " + files[len(out)] + ", and nothing behind it"
		if !c.Bool("json") {
			screen.Printf(s.Out, "%s, run %s\n", ui.JobWords(sub.Job), sub.Run.ID)
		}
		one := ui.SubmittedOf(sub)
		one.Steps = []ui.Step{}
		out, subs = append(out, one), append(subs, sub)
	})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return ui.PrintJSON(s.Out, ui.Chain{Schema: ui.ChainSchema, Runs: out})
	}
	return nil
}

// verdict turns a final state into the exit code.
func verdict(ctx context.Context, st status.Status) error {
	switch {
	case ctx.Err() != nil:
		return command.Exit(command.Interrupted)
	case st.State == "" || st.State == slurm.Completed:
		return nil
	case st.State == slurm.Unknown:
		return command.Exit(command.Unknown)
	}
	return command.Exit(command.JobFailed)
}

func dryRun(ctx context.Context, s command.Streams, j *submit.Planned, p *ui.Progress, asJSON, why bool) error {
	costs, err := j.Costs(ctx)
	if err != nil {
		return err
	}
	p.Clear()
	if err := ui.PrintPlanCosts(s.Out, j, costs, asJSON, why); err != nil || asJSON {
		return err
	}
	screen.Printf(s.Out, "\n")
	if err := printScript(s, j); err != nil {
		return err
	}
	screen.Printf(s.Err, "dry run: nothing was built or submitted\n")
	return nil
}

// follow waits for the run's end.
func follow(ctx context.Context, s command.Streams, sub *submit.Submitted, asJSON bool) (status.Status, error) {
	var shown slurm.State
	st, err := sub.Wait(ctx, func(st status.Status) {
		if asJSON || st.State.Final() || st.State == shown {
			return
		}
		shown = st.State
		screen.Printf(s.Err, "%s%s\n", st.State, text.Because(st.Reason))
	}, func(err error) { screen.Printf(s.Err, "nixbatch: %v\n", err) })
	if ctx.Err() != nil {
		screen.Printf(s.Err, "no longer waiting; job %d goes on\nhint: nixbatch status, or nixbatch cancel %s\n", sub.Job.JobID, sub.Run.ID)
		return st, command.Exit(command.Interrupted)
	}
	return st, err
}
