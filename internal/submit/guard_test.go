package submit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/gc"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
	"github.com/nixbatch/nixbatch/slurm/slurmtest"
)

// desk is a project with one environment, a Slurm, and a Nix that makes roots;
// onSbatch is called while sbatch runs.
type desk struct {
	t        *testing.T
	project  rundir.Project
	env      string // the environment's store path
	slurm    *slurmtest.Fake
	onSbatch func()
	inSbatch int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	p, err := rundir.Near(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Make(); err != nil {
		t.Fatal(err)
	}
	env := filepath.Join(dir, "store", "aaaa-job-env")
	if err := os.MkdirAll(env, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	return &desk{t: t, project: p, env: env, slurm: &slurmtest.Fake{NodeList: []slurm.Node{{Name: "n1", State: "idle", Partitions: []string{"main"}, Sockets: 1, Cores: 4, Threads: 1, CPUs: 4, MemoryMiB: 1000}}}}
}

// roots is the one command of Nix that makes roots.
type roots struct{}

func (roots) Run(_ context.Context, c proc.Cmd) (proc.Result, error) {
	if c.Path == "nix-store" && len(c.Args) > 3 && c.Args[0] == "--realise" && c.Args[2] == "--add-root" {
		if err := os.Symlink(c.Args[1], c.Args[3]); err != nil && !errors.Is(err, os.ErrExist) {
			return proc.Result{}, err
		}
		return proc.Result{Stdout: []byte(c.Args[3] + "\n")}, nil
	}
	return proc.Result{}, fmt.Errorf("there is no %s here", c.Path)
}

// Run is Slurm's commands.
func (d *desk) Run(ctx context.Context, c slurm.Command) (slurm.Output, error) {
	if c.Name == "sbatch" {
		d.inSbatch++
		if d.onSbatch != nil {
			d.onSbatch()
		}
	}
	return d.slurm.Run(ctx, c)
}

func (d *desk) options() Options {
	return Options{Tool: facts.Tool{Version: "test"}, Runner: roots{}, Environ: os.Environ(), Client: &slurm.Client{Runner: d}, Now: time.Now}
}

// built is a job that was built; what it runs tells jobs apart.
func (d *desk) built(run string) *Built {
	o := d.options()
	n := &nix.Nix{Runner: roots{}, Dir: d.project.Dir, Environ: []string{"NIX_STATE_DIR=" + filepath.Join(d.project.Dir, "state")}}
	l := &Loaded{Spec: &jobspec.Spec{Name: "job", Bytes: []byte("name: job\n")}, WorkDir: filepath.Dir(d.project.Dir), Project: d.project, Nix: n, Slurm: o.Client, opts: o}
	p := &Planned{l, &plan.Plan{Schema: plan.Schema, Name: "job", Run: run, Slurm: sbatch.Options{{Name: "hold"}}, Builds: []plan.Build{{Arch: plan.Generic}}}}
	return &Built{Planned: p, Envs: map[string]string{plan.Generic: d.env}}
}

// collect is nixbatch gc, which must not wait: it gets the roots or an error.
func (d *desk) collect() error {
	ctx, cancel := context.WithCancel(d.t.Context())
	cancel()
	release, err := d.project.LockRoots(ctx, true)
	if err != nil {
		return err
	}
	defer release()
	roots, err := gc.Roots(d.t.Context(), d.project, &slurm.Client{Runner: d}, ledger.About{Now: time.Now})
	if err != nil {
		return err
	}
	for _, r := range roots {
		if r.Kept != "" && len(r.Runs) > 0 {
			continue
		}
		if err := gc.Drop(d.project, r); err != nil { // also those of nixbatch build
			return err
		}
	}
	return nil
}

func (d *desk) rooted() bool {
	entries, err := os.ReadDir(filepath.Join(d.project.Dir, "roots"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(d.project.Dir, "roots", e.Name())); err == nil && to == d.env {
			return true
		}
	}
	return false
}

// over is a run of the job that failed, and whose root was collected since.
func (d *desk) over() rundir.Run {
	d.t.Helper()
	s, err := d.built("exit 1\n").Submit(d.t.Context(), Way{})
	if err != nil {
		d.t.Fatal(err)
	}
	c := &slurm.Client{Runner: d}
	jobs, err := c.Confirm(d.t.Context(), slurm.Wanted{JobRef: slurm.JobRef{ID: s.Job.JobID}, Task: -1})
	if err == nil && len(jobs) == 1 {
		err = c.Cancel(d.t.Context(), jobs...)
	}
	if err != nil || len(jobs) != 1 {
		d.t.Fatal(err)
	}
	if err := d.collect(); err != nil || d.rooted() {
		d.t.Fatalf("the root of a run that is over is kept: %v", err)
	}
	return s.Run
}

// ways is every way of submitting.
var ways = map[string]func(d *desk) error{
	"submit": func(d *desk) error { _, err := d.built(":\n").Submit(d.t.Context(), Way{}); return err },
	"chain": func(d *desk) error {
		first, err := d.built(":\n").Submit(d.t.Context(), Way{})
		if err != nil {
			return err
		}
		_, err = d.built("second\n").Submit(d.t.Context(), Way{Behind: []rundir.Run{first.Run}})
		return err
	},
	"rerun": func(d *desk) error {
		b := d.built(":\n")
		b.Plan.After = []string{"what-is-not-here"}
		_, err := b.Submit(d.t.Context(), Way{Again: true, Alone: true})
		return err
	},
	"retry": func(d *desk) error {
		r := d.over()
		d.inSbatch = 0
		o := d.options()
		a := Again{Task: -1, Here: o.RetryHere(d.project)}
		a.Here.Ready = nil // sbatch is no program here
		_, _, err := Retry(d.t.Context(), r, o.Client, a, ledger.About{Now: time.Now})
		return err
	},
}

// A gc may come between the build and the submission, while sbatch runs, and
// right behind it: the job's environment has its root from before sbatch is
// called until the run is over, in every way of submitting. Meanwhile nobody
// else submits a job of the name.
func TestGCAtTheWorstMoment(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.onSbatch = func() {
				if !d.rooted() {
					t.Error("sbatch is called for an environment that a garbage collection may take")
				}
				if err := d.collect(); !errors.Is(err, context.Canceled) {
					t.Errorf("a gc comes between: %v", err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if release, err := d.project.LockName(ctx, "job"); err == nil {
					release()
					t.Error("another process may submit the same job meanwhile")
				}
			}
			if err := way(d); err != nil {
				t.Fatal(err)
			}
			if d.inSbatch == 0 {
				t.Error("sbatch was not called")
			}
			if err := d.collect(); err != nil || !d.rooted() {
				t.Errorf("the root of a pending run was dropped: %v", err)
			}
		})
	}
}

// A local run has no job in the queue: its root is safe from when its directory
// is made, also before the agent has said a word.
func TestGCBeforeALocalRunStarts(t *testing.T) {
	d := newDesk(t)
	if _, err := d.built(":\n").Local(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.collect(); err != nil || !d.rooted() {
		t.Errorf("the root was dropped: %v", err)
	}
}

// What is in the queue already is not submitted a second time unasked, by
// whatever way.
func TestTwins(t *testing.T) {
	d := newDesk(t)
	same := func(err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "already there") || !strings.Contains(fault.Hint(err), "--again") {
			t.Errorf("%v", err)
		}
	}
	r := d.over() // exit 1
	_, err := d.built("exit 1\n").Submit(t.Context(), Way{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.built("exit 1\n").Submit(t.Context(), Way{})
	same(err)
	o := d.options()
	a := Again{Task: -1, Here: Here{Keeper: d.built(":\n").Nix}}
	_, _, err = Retry(t.Context(), r, o.Client, a, ledger.About{Now: time.Now})
	same(err)
	n := d.inSbatch
	a.Again = true
	if _, _, err = Retry(t.Context(), r, o.Client, a, ledger.About{Now: time.Now}); err != nil || d.inSbatch != n+1 {
		t.Errorf("asked for: %v", err)
	}
	var differ [][]string
	if _, err := d.built("another\n").Submit(t.Context(), Way{Differ: func(tw Twin) { differ = append(differ, tw.Differ) }}); err != nil {
		t.Error(err)
	}
	if len(differ) != 2 || slices.ContainsFunc(differ, func(x []string) bool { return !slices.Equal(x, []string{"run"}) }) {
		t.Errorf("told of %v", differ)
	}
	// Whether an unreadable plan is the same job is not known.
	if err := os.Remove(r.PlanFile()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.PlanFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = d.built("a third\n").Submit(t.Context(), Way{}); err == nil || !strings.Contains(err.Error(), "cannot be told") {
		t.Errorf("%v", err)
	}
}
