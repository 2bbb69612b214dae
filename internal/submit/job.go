package submit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/nixlog"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/internal/stage"
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
	Progress func(nixlog.Event)
	Now      func() time.Time
	// Resolve finds the tree of a pin where it does not lie beside the job file
	// (a rerun); nil: nixsource.Memory.Resolve.
	Resolve func(pin jobspec.Pin, baseDir string) (nixsource.Source, error)
	// Count: Costs will be asked for, so what it takes is evaluated along.
	Count bool
	// Everywhere: Costs also counts what the arch set for all of nixpkgs would
	// change, which takes an evaluation of its own.
	Everywhere bool
	// Rows is the table of a sweep's tasks as it was recorded (a rerun); nil: it
	// is made from the job file.
	Rows []jobspec.Row
	// Before are jobs that this one comes after, beside those that it names.
	Before []Parent
}

// Loaded is a job file that was read, and is right as far as the file itself
// and its inputs tell.
type Loaded struct {
	Spec    *jobspec.Spec
	Tasks   []jobspec.Row // of a sweep
	WorkDir string        // absolute: where the job file is
	Project rundir.Project
	Nix     *nix.Nix
	Slurm   *slurm.Client // nil for a local run
	opts    Options
	inputs  stage.Found
	// sources are the job's pins as they were resolved: nixpkgs, then overlays.
	sources []nixsource.Source
}

// Planned is a job of which is decided where it may run, and with which builds.
type Planned struct {
	*Loaded
	Plan *plan.Plan
}

// Load reads the job file and checks what can be checked without Nix and Slurm.
func Load(file string, o Options) (*Loaded, error) {
	spec, err := jobspec.Load(file)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, fmt.Errorf("job file: %w", err)
	}
	project, err := rundir.Near(dir)
	if err != nil {
		return nil, err
	}
	rows, found, err := tasks(spec, dir, o.Rows, append(earlier(project, spec.After), o.Before...))
	if err != nil {
		return nil, err
	}
	if err := jobspec.CheckNumbers(spec, rows); err != nil {
		return nil, err
	}
	j := &Loaded{Spec: spec, Tasks: rows, WorkDir: dir, Project: project, opts: o, inputs: found}
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
func (j *Loaded) MakePlan(ctx context.Context) (*Planned, error) {
	in := plan.Input{Spec: j.Spec, Tasks: j.Tasks, Local: j.opts.Local, System: System(), Tool: j.opts.Tool, Files: j.files()}
	if !j.opts.Local {
		for _, dir := range []string{j.WorkDir, j.Project.Dir} {
			if err := plan.CheckDir(dir); err != nil {
				return nil, err
			}
		}
	}
	if err := j.trees(); err != nil {
		return nil, err
	}
	if err := j.Project.Make(); err != nil {
		return nil, err
	}
	var err error
	if in.Site, err = site.Load(os.Getenv); err != nil {
		return nil, err
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
		return nil, err
	}
	if in.Builder, err = cpuflags.Host(); err != nil {
		return nil, fmt.Errorf("this machine's CPU: %w", err)
	}
	if in.Info, err = j.survey(ctx, in); err != nil {
		return nil, err
	}
	made, err := plan.Make(in)
	if err != nil && remembered {
		// No is never said on what the cluster was a moment ago.
		if in.Classes, _, err = j.classes(ctx, in.Site, true); err == nil {
			made, err = plan.Make(in)
		}
	}
	if err != nil {
		return nil, err
	}
	return &Planned{j, made}, nil
}

// files are what the inputs stand for now, sorted by name.
func (j *Loaded) files() (out []facts.File) {
	for _, name := range slices.Sorted(maps.Keys(j.inputs.Files)) {
		out = append(out, facts.File{Path: name, Size: j.inputs.Files[name].Size})
	}
	return out
}

// pins names the job's trees by their hashes.
func (j *Loaded) pins(in *plan.Input) (err error) {
	env := j.Spec.Environment
	if in.Nixpkgs, err = j.resolve(env.Nixpkgs); err != nil {
		return err
	}
	for _, pin := range env.Overlays {
		src, err := j.resolve(pin)
		if err != nil {
			return err
		}
		in.Overlays = append(in.Overlays, nixsource.OverlaySource{Source: src, File: pin.File})
	}
	return nil
}

// classes is where the job may land; remembered says that Slurm was not asked
// now.
func (j *Loaded) classes(ctx context.Context, conf *site.Config, fresh bool) (_ []cluster.Class, remembered bool, err error) {
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

// Script is the batch script as Slurm would get it, for a run called RUN.
func (j *Planned) Script() (string, error) {
	run := rundir.Run{ID: "RUN", Dir: filepath.Join(j.Project.Dir, "runs", "RUN"), Project: j.Project}
	log := run.LogFile(0)
	if j.Plan.Sweep != nil {
		log = run.SlurmLog()
	}
	log, err := filepath.Rel(j.WorkDir, log)
	if err != nil {
		return "", err
	}
	return j.Plan.Script(plan.Place{RunID: run.ID, RunDir: run.Dir, WorkDir: j.WorkDir, Log: log})
}
