package submit

import (
	"context"
	"fmt"
	"os"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Way says how a built job goes into the queue.
type Way struct {
	Again  bool         // also where its like is there already
	Alone  bool         // not behind the runs that its job file names: they are over (a rerun)
	Behind []rundir.Run // further runs to wait for
	Differ func(Twin)   // told of each run of the name that is not over and another job; nil: nobody is
}

// Submitted is a run of a built job: in the queue, or a local one.
type Submitted struct {
	*Built
	Run rundir.Run
	Job facts.Submit
}

// Submit makes the run's directory and hands it to Slurm.
func (j *Built) Submit(ctx context.Context, w Way) (*Submitted, error) {
	out := &Submitted{Built: j}
	var options sbatch.Options
	look := func() (err error) {
		if !w.Again {
			if err := j.noTwin(ctx, w.Differ); err != nil {
				return err
			}
		}
		options, err = j.waits(ctx, w)
		return err
	}
	err := guarded(ctx, j.Project, j.Plan.Name, look, func() (err error) {
		if err := keepAll(ctx, j.Nix, j.stores()); err != nil {
			return err
		}
		if out.Run, err = j.create(); err != nil {
			return err
		}
		out.Job, err = j.hand(ctx, out.Run, options)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Local makes the directory of a run that this machine runs itself: RunHere.
func (j *Built) Local(ctx context.Context) (*Submitted, error) {
	out := &Submitted{Built: j}
	err := guarded(ctx, j.Project, j.Plan.Name, nil, func() (err error) {
		if err := keepAll(ctx, j.Nix, j.stores()); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if out.Run, err = j.create(); err != nil {
			return err
		}
		out.Job, err = ledger.Local(out.Run, j.About())
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Wait follows the run to its end: see status.Wait.
func (s *Submitted) Wait(ctx context.Context, changed func(status.Status), trouble func(error)) (status.Status, error) {
	return status.Wait(ctx, s.Slurm, s.Run, s.About(), changed, trouble)
}

// Chain plans and builds all files, and then submits one after the other, each
// to start when the one before is completed. told hears of each as soon as it is
// submitted. What is submitted stays so when a later one fails.
func Chain(ctx context.Context, files []string, o Options, w Way, told func(*Submitted)) error {
	var jobs []*Built
	for _, f := range files {
		l, err := Load(f, o)
		if err != nil {
			return err
		}
		p, err := l.MakePlan(ctx)
		if err != nil {
			return err
		}
		b, err := p.Build(ctx)
		if err != nil {
			return err
		}
		jobs = append(jobs, b)
		o.Before = append(o.Before, Parent{b.WorkDir, b.Plan.Gives()})
	}
	for i, j := range jobs {
		s, err := j.Submit(ctx, w)
		if err != nil {
			return fmt.Errorf("%s: %w", files[i], err)
		}
		told(s)
		w.Behind = []rundir.Run{s.Run}
	}
	return nil
}

// guarded is what every way of submitting does: look is done while no other
// process submits a job of the name, so that of two that are alike one sees the
// other; hand, in which the run directory comes to be or goes on, also while no
// garbage collection takes a root away. A nil look looks at nothing.
func guarded(ctx context.Context, p rundir.Project, name string, look, hand func() error) error {
	release, err := p.LockName(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	if look != nil {
		if err := look(); err != nil {
			return err
		}
	}
	keep, err := p.LockRoots(ctx, false)
	if err != nil {
		return err
	}
	defer keep()
	return hand()
}

// Keeper makes a root for a store path that is there (nix.Nix).
type Keeper interface {
	Keep(ctx context.Context, out string) error
}

// keepAll is done with the roots locked: a gc may have come since the builds
// were found to be there.
func keepAll(ctx context.Context, k Keeper, stores []string) error {
	for _, out := range stores {
		if err := k.Keep(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// stores are the builds, in the plan's order.
func (j *Built) stores() (out []string) {
	for _, b := range j.Plan.Builds {
		out = append(out, j.Envs[b.Arch])
	}
	return out
}

// noTwin is an error where the job is there already, and not over.
func (j *Built) noTwin(ctx context.Context, differ func(Twin)) error {
	twins, err := Twins(ctx, j.Project, j.Slurm, j.Plan, j.asked())
	if err != nil {
		return err
	}
	for _, tw := range twins {
		if len(tw.Differ) == 0 {
			return tw.same()
		}
		if differ != nil {
			differ(tw)
		}
	}
	return nil
}

// waits are the options that make the job wait: for the runs that its job file
// names, and for others.
func (j *Built) waits(ctx context.Context, w Way) (sbatch.Options, error) {
	parents := w.Behind
	if !w.Alone {
		for _, name := range j.Plan.After {
			r, err := j.Project.Get(name)
			if err != nil {
				return nil, err
			}
			parents = append(parents, r)
		}
	}
	given, _ := j.Plan.Slurm.Get("dependency")
	return After(ctx, j.Slurm, parents, given, j.About())
}

// create makes the run directory.
func (j *Built) create() (rundir.Run, error) {
	exe, err := os.Executable()
	if err != nil {
		return rundir.Run{}, fmt.Errorf("this program's own file: %w", err)
	}
	r, err := j.Project.Create(rundir.Creation{
		Plan: j.Plan, Job: j.Spec.Bytes, WorkDir: j.WorkDir, Envs: j.Envs, Facts: j.described, Agent: exe, Now: j.opts.Now(),
		Inputs: j.inputs,
	})
	if err == nil {
		j.Project.Remember(rundir.StateDir(os.Getenv))
	}
	return r, err
}

// hand hands the run to Slurm. options are sbatch's, beside those in the script.
func (j *Built) hand(ctx context.Context, run rundir.Run, options sbatch.Options) (facts.Submit, error) {
	limit, running := 0, 0
	if j.Plan.Sweep != nil {
		limit, running = ArrayLimit(ctx, j.Slurm, j.Project, j.opts.Now()), j.Plan.Sweep.MaxRunning
	}
	s, err := ledger.Submit(ctx, run, j.Slurm, j.About(), ledger.FirstCalls(len(j.Tasks), limit, running, facts.Arguments(options)))
	if err != nil {
		ForgetLimits(j.Project)
	}
	return s, err
}

// About is what is recorded of the submission beside the plan.
func (j *Planned) About() ledger.About {
	return ledger.About{Tool: j.opts.Tool, WorkDir: j.WorkDir, Job: j.Plan.Job, Now: j.opts.Now}
}

// asked is About for a question to which an answer of a few seconds ago will do.
func (j *Planned) asked() ledger.About {
	p := j.About()
	p.Cache, p.MaxAge = status.CacheFile(os.Getenv), AnswerAge
	return p
}

// unreadable says that it cannot be told whether a run is the same job.
func unreadable(r rundir.Run, err error) error {
	return fault.New(fmt.Sprintf("whether run %s is the same job cannot be told: %v", r.ID, err), "--again submits all the same").Because(err)
}
