// Package agent is nixbatch on the node: the batch process of a job.
//
// It promises to look at every allocated node's CPU before the payload, to
// start only a build that all of them can run, to set every thread limit, to
// write down what it saw (start) and what came of it (end), and to exit as the
// payload did. A job that is a copy of the run's stops before it touches
// anything of the attempt.
//
// It never calls Nix, never asks the network, and changes the job's directory only
// below .nixbatch and by putting declared outputs back.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/stage"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
)

// Agent runs one task.
type Agent struct {
	Machine
	Run    rundir.Run
	Stdout io.Writer // the task's log
	Stderr io.Writer
	Tool   facts.Tool
	Ticket facts.Ticket // what the batch script says of the submission

	plan    *plan.Plan
	row     jobspec.Row     // of a sweep
	printed *printed        // nil: nobody asks for it
	dir     string          // where the payload runs, "" for the job's directory
	place   stage.Place     // of which it is, where it is the task's own
	before  map[string]bool // files beside the job file, where the payload works there
	temp    string          // the task's TMPDIR, "" for the site's
	task    int
	attempt int
	start   facts.Start
	given   resources.Given
	launch  launchSetup
	alive   *os.File // see rundir.HoldAlive
	best    func()   // why no better build was chosen: for the start, nobody waits for it
}

// Main runs the task to its end and returns the batch process's exit code. Which
// job it is comes first: a copy touches nothing of the attempt.
func (a *Agent) Main(ctx context.Context) int {
	for _, step := range []func() error{func() error { return a.witness(ctx) }, a.claim, a.begin} {
		if err := step(); err != nil {
			return a.complain(err)
		}
	}
	alive, err := a.keepAlive()
	if err != nil {
		return a.complain(err)
	}
	a.alive = alive
	defer alive.Close()
	defer rundir.GiveReserve(alive)
	code, err := a.work(ctx)
	if err != nil {
		code = a.complain(err)
		end := a.newEnd()
		end.ExitCode, end.Reason = code, err.Error()
		a.writeEnd(end)
	}
	return code
}

func (a *Agent) complain(err error) int {
	fmt.Fprintf(a.Stderr, "nixbatch: %v\n", err)
	if hint := fault.Hint(err); hint != "" {
		fmt.Fprintf(a.Stderr, "hint: %s\n", hint)
	}
	if k := fault.KindOf(err); k > fault.Refused && k <= fault.Stranger {
		return k.ExitCode()
	}
	return fault.Refused.ExitCode()
}

// witness settles which job this is, before anything of the run is touched.
func (a *Agent) witness(ctx context.Context) error {
	var p plan.Plan
	if err := durable.Read(a.Run.PlanFile(), &p); err != nil {
		return fmt.Errorf("the plan of this run cannot be read: %w", err)
	}
	a.plan = &p
	if p.Local {
		return nil
	}
	job, _ := slurm.ReadBatchStep(a.Getenv)
	wd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("work directory: %w", err)
	}
	instead, err := ledger.Witness(ctx, a.Run, a.Ticket, job.JobRef, &slurm.Client{}, ledger.About{Tool: a.Tool, WorkDir: wd, Job: p.Job, Now: a.Now})
	if instead != 0 {
		fmt.Fprintf(a.Stderr, "nixbatch: note: sbatch had answered %d, which is no job of run %s: the run is job %d\n", instead, a.Run.ID, job.ID)
	}
	return err
}

// claim takes the attempt: who makes its directory runs it.
func (a *Agent) claim() error {
	job, _ := slurm.ReadBatchStep(a.Getenv)
	a.task = a.Ticket.Offset + max(job.Task, 0)
	a.attempt = a.Ticket.Attempt + job.Restarts
	if err := os.MkdirAll(a.Run.TaskDir(a.task), 0o700); err != nil {
		return fmt.Errorf("task directory: %w", err)
	}
	err := os.Mkdir(a.Run.AttemptDir(a.task, a.attempt), 0o700)
	if errors.Is(err, fs.ErrExist) {
		return &fault.Error{Kind: fault.Begun, Way: "nixbatch status tells what became of it",
			Message: fmt.Sprintf("attempt %d of task %d of run %s was started before: this copy stops", a.attempt, a.task, a.Run.ID)}
	}
	if err != nil {
		return fmt.Errorf("attempt directory: %w", err)
	}
	return nil
}

// keepAlive holds a lock for as long as this process lives, so that a local run
// that was killed can be told from one that is running.
func (a *Agent) keepAlive() (*os.File, error) {
	f, err := rundir.HoldAlive(a.Run.AliveFile(a.task, a.attempt))
	if err != nil {
		return nil, fmt.Errorf("attempt directory: %w", err)
	}
	return f, nil
}

// number reads a variable that Slurm sets to a number, 0 if it is not there.
func (a *Agent) number(name string) int {
	n, err := strconv.Atoi(a.Getenv(name))
	if err != nil {
		return 0
	}
	return n
}

// work is the task: an error means that the payload was not started.
func (a *Agent) work(ctx context.Context) (int, error) {
	s := &a.start
	job, _ := slurm.ReadBatchStep(a.Getenv)
	*s = facts.Start{
		Schema: facts.StartSchema, RunID: a.Run.ID, Task: a.task, Attempt: a.attempt, Tool: a.Tool,
		JobID: job.Own, Cluster: job.Cluster, Slurm: a.slurmVars(), Affinity: a.Affinity(),
		Limits: a.Limits(), Environ: a.environment(),
	}
	s.Priv.Hostname, _ = a.Hostname()
	wd, err := os.Getwd()
	if err != nil {
		return 0, fmt.Errorf("work directory: %w", err)
	}
	s.Priv.WorkDir = wd
	seen, err := a.look(ctx)
	if err != nil {
		return 0, err
	}
	s.Nodes, s.Priv.Nodes, s.Priv.CPUInfo = condense(seen)
	build, err := a.choose(seen)
	if err != nil {
		a.learn(seen)
		return 0, err
	}
	if err := a.threads(seen, build); err != nil {
		a.learn(seen)
		return 0, err
	}
	a.sweepVars()
	if err := a.setUpLaunch(build); err != nil {
		return 0, err
	}
	defer func() { a.launch.done() }()
	if err := a.layOut(); err != nil {
		return 0, err
	}
	if err := a.settle(); err != nil {
		return 0, err
	}
	defer a.unsettle()
	for _, n := range s.Notes {
		fmt.Fprintf(a.Stderr, "nixbatch: note: %s\n", n)
	}
	s.Time = a.Now().UTC()
	return a.payload(ctx, build, func() { a.learn(seen) })
}

// begun writes the start down.
func (a *Agent) begun() error {
	a.best()
	if err := durable.Write(a.Run.StartFile(a.task, a.attempt), &a.start); err != nil {
		return fmt.Errorf("the start could not be written down: %w", err)
	}
	return nil
}

// choose takes the first of the plan's builds, best first, that every allocated
// node can run.
func (a *Agent) choose(seen []Seen) (facts.Chosen, error) {
	flags := seen[0].CPU.Flags
	for _, l := range seen[1:] {
		flags = flags.Intersect(l.CPU.Flags)
	}
	archs := a.plan.Archs()
	for i, arch := range archs {
		if !a.plan.Builds[i].RunsOn(flags) {
			continue
		}
		env, err := os.Readlink(a.Run.EnvLink(arch))
		if err != nil {
			return facts.Chosen{}, fmt.Errorf("the %s build of this run is gone: %w", arch, err)
		}
		if there, err := durable.There(env); err != nil {
			return facts.Chosen{}, fmt.Errorf("the %s build cannot be looked at on this node: %w", arch, err)
		} else if !there {
			return facts.Chosen{}, fault.New(fmt.Sprintf("the %s build is not visible on this node: %s", arch, env),
				"the nodes need the /nix of the machine that submitted")
		}
		a.start.Build = facts.Chosen{Arch: arch, Env: env, Tried: archs}
		a.best = func() {
			cpu := seen[0].CPU
			cpu.Flags = flags
			a.start.Build.Not = cpuflags.Best(cpu, cpuflags.Limits{GCC: a.plan.Compiler, Whole: a.plan.Compiler == ""}).Not
		}
		a.compare(seen, arch)
		return a.start.Build, nil
	}
	return facts.Chosen{}, a.noBuild(seen, archs)
}

// compare notes where the node is not what the plan took it for.
func (a *Agent) compare(seen []Seen, arch string) {
	for _, l := range seen {
		for _, c := range a.plan.Classes {
			if !inHosts(c.Nodes, l.Node) {
				continue
			}
			if c.CPU != "" && c.CPU != l.CPU.Name {
				a.start.Notes = append(a.start.Notes, fmt.Sprintf("%s has a %s, the plan expected a %s", l.Node, l.CPU.Name, c.CPU))
			}
			if c.Build != "" && c.Build != arch {
				a.start.Notes = append(a.start.Notes, fmt.Sprintf("the build is %s, the plan expected %s on %s", arch, c.Build, l.Node))
			}
		}
	}
}
