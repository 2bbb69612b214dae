package submit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
)

// Options is what preparing depends on.
type Options struct {
	Local    bool
	Tool     facts.Tool
	Runner   proc.Runner
	Environ  []string      // KEY=VALUE, this process's environment
	Client   *slurm.Client // not used for a local run
	Progress func(nix.Event)
	Now      func() time.Time
	// Resolve finds the tree of a pin where it does not lie beside the job file
	// (a rerun); nil: Nix.Resolve.
	Resolve func(pin jobspec.Pin, baseDir string) (nix.Source, error)
	// Count: Costs will be asked for, so what it takes is evaluated along.
	Count bool
	// Everywhere: Costs also counts what the arch set for all of nixpkgs would
	// change, which takes an evaluation of its own.
	Everywhere bool
	// Rows is the table of a sweep's tasks as it was recorded (a rerun); nil: it
	// is made from the job file.
	Rows []jobspec.Row
}

// Job is a job file on its way.
type Job struct {
	Spec    *jobspec.Spec
	Tasks   []jobspec.Row // of a sweep
	WorkDir string        // absolute: where the job file is
	Project rundir.Project
	Plan    *plan.Plan
	Nix     *nix.Nix
	Slurm   *slurm.Client // nil for a local run
	opts    Options
	// sources are the job's pins as they were resolved: nixpkgs, then overlays.
	sources []nix.Source
	// described is the file that describes each build, by arch.
	described map[string]string
}

// InputError says that an input of the job is not there, or is no file.
type InputError struct{ Name, What, Way string }

func (e *InputError) Error() string { return "input " + e.Name + " " + e.What }

// Hint is the way out.
func (e *InputError) Hint() string { return e.Way }

// Load reads the job file and checks what can be checked without Nix and Slurm.
func Load(file string, o Options) (*Job, error) {
	spec, err := jobspec.Load(file)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, fmt.Errorf("job file: %w", err)
	}
	rows, err := tasks(spec, dir, o.Rows)
	if err != nil {
		return nil, err
	}
	project, err := rundir.Near(dir)
	if err != nil {
		return nil, err
	}
	j := &Job{Spec: spec, Tasks: rows, WorkDir: dir, Project: project, opts: o}
	j.Nix = &nix.Nix{
		Runner: o.Runner, Dir: project.Dir, LogDir: filepath.Join(project.Dir, "logs"),
		Environ: o.Environ, Progress: o.Progress,
	}
	if !o.Local {
		j.Slurm = o.Client
	}
	return j, nil
}

// System is Nix's name of this machine's kind.
func System() string {
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	return arch + "-" + runtime.GOOS
}

// MakePlan asks the cluster and the pin, and makes the plan. Nix is asked once,
// when the cluster has told which builds are likely.
func (j *Job) MakePlan(ctx context.Context) error {
	in := plan.Input{Spec: j.Spec, Tasks: j.Tasks, Local: j.opts.Local, System: System(), Tool: j.opts.Tool}
	if !j.opts.Local {
		for _, dir := range []string{j.WorkDir, j.Project.Dir} {
			if err := plan.CheckDir(dir); err != nil {
				return err
			}
		}
	}
	if err := j.trees(); err != nil {
		return err
	}
	if err := j.Project.Make(); err != nil {
		return err
	}
	var err error
	if in.Site, err = site.Load(os.Getenv); err != nil {
		return err
	}
	// Slurm answers while the trees are hashed.
	g, gctx := errgroup.WithContext(ctx)
	remembered := false
	g.Go(func() (err error) {
		in.Classes, remembered, err = j.classes(gctx, in.Site, false)
		return err
	})
	g.Go(func() error { return j.pins(&in) })
	if err := g.Wait(); err != nil {
		return err
	}
	if in.Builder, err = cpuflags.Host(); err != nil {
		return fmt.Errorf("this machine's CPU: %w", err)
	}
	if in.Info, err = j.survey(ctx, in); err != nil {
		return err
	}
	if j.Plan, err = plan.Make(in); err != nil && remembered {
		// No is never said on what the cluster was a moment ago.
		if in.Classes, _, err = j.classes(ctx, in.Site, true); err == nil {
			j.Plan, err = plan.Make(in)
		}
	}
	return err
}

// pins names the job's trees by their hashes.
func (j *Job) pins(in *plan.Input) (err error) {
	env := j.Spec.Environment
	if in.Nixpkgs, err = j.resolve(env.Nixpkgs); err != nil {
		return err
	}
	for _, pin := range env.Overlays {
		src, err := j.resolve(pin)
		if err != nil {
			return err
		}
		in.Overlays = append(in.Overlays, nix.OverlaySource{Source: src, File: pin.File})
	}
	return nil
}

// classes is where the job may land; remembered says that Slurm was not asked
// now.
func (j *Job) classes(ctx context.Context, conf *site.Config, fresh bool) (_ []cluster.Class, remembered bool, err error) {
	defer func() {
		var asked *ledger.SlurmError
		if errors.As(err, &asked) {
			asked.Local = true
		}
	}()
	if j.opts.Local {
		classes, err := localClass()
		return classes, false, err
	}
	return j.slurmClasses(ctx, conf, fresh)
}

func localClass() ([]cluster.Class, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("host name: %w", err)
	}
	cpu, override, err := cpuflags.Load(host)
	if err != nil {
		return nil, fmt.Errorf("this machine's CPU: %w", err)
	}
	k := &cluster.Known{CPU: cpu, From: "this machine"}
	if override != "" {
		k.From = "override"
	}
	return []cluster.Class{{Nodes: []string{host}, Sockets: 1, Cores: runtime.NumCPU(), Threads: 1, CPUs: runtime.NumCPU(), Known: k}}, nil
}

// Build has every build of the plan made and pinned. It returns the store paths
// by arch; a build that is ready costs no process.
func (j *Job) Build(ctx context.Context) (map[string]string, error) {
	envs := map[string]string{}
	for _, b := range j.Plan.Builds {
		out, ok := j.Nix.Ready(b.Expr)
		if !ok {
			d, err := j.Nix.Instantiate(ctx, b.Expr)
			if err != nil {
				return nil, err
			}
			if out, err = j.Nix.Realise(ctx, b.Expr, d); err != nil {
				return nil, err
			}
		}
		envs[b.Arch] = out
		if err := j.describe(ctx, b, out); err != nil {
			return nil, err
		}
	}
	return envs, nil
}

// Create makes the run directory.
func (j *Job) Create(envs map[string]string) (rundir.Run, error) {
	exe, err := os.Executable()
	if err != nil {
		return rundir.Run{}, fmt.Errorf("this program's own file: %w", err)
	}
	return j.Project.Create(rundir.Creation{
		Plan: j.Plan, Job: j.Spec.Bytes, WorkDir: j.WorkDir, Envs: envs, Facts: j.described, Agent: exe, Now: j.opts.Now(),
	})
}

// Facts is what is recorded about the submission beside the plan.
func (j *Job) Facts() ledger.About {
	return ledger.About{Tool: j.opts.Tool, WorkDir: j.WorkDir, Job: j.Plan.Job, Now: j.opts.Now}
}
