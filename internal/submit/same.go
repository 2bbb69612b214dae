package submit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
)

// AnswerAge is how long what Slurm answered serves all of a user's commands.
const AnswerAge = 3 * time.Second

// recentRuns is how many runs of a name are looked at.
const recentRuns = 20

// Twin is a run of the same job name that is not over, and in which parts of the
// job file it differs from the plan; none is the same job.
type Twin struct {
	Status status.Status
	Differ []string
}

// same says that the same job is there already, and not over.
func (t Twin) same() error {
	id, job := t.Status.Run.ID, ""
	if n := t.Status.JobID(); n != 0 {
		job = ", job " + strconv.FormatInt(n, 10)
	}
	return fault.New(fmt.Sprintf("the same job is already there: run %s%s, is %s", id, job, t.Status.State),
		"nixbatch status "+id+" follows it; --again submits it a second time")
}

// Twins finds them, the newest first. A run that is over costs one small file;
// Slurm is asked only if there is one that may not be, and need not answer:
// submitting will tell.
func Twins(ctx context.Context, p rundir.Project, w status.Watcher, pl *plan.Plan, f ledger.About) ([]Twin, error) {
	all, err := p.List()
	if err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(all, func(r rundir.Run) bool { return r.Name() != pl.Name })
	states, _ := status.States(ctx, w, mine[:min(len(mine), recentRuns)], f)
	var out []Twin
	for _, s := range states {
		if s.Over() || s.Job.Local {
			continue
		}
		var other plan.Plan
		if there, err := durable.ReadIf(s.Run.PlanFile(), &other); err != nil {
			return nil, unreadable(s.Run, err)
		} else if !there {
			continue // no run directory that was ever whole
		}
		out = append(out, Twin{s, differ(s.Run, &other, pl)})
	}
	return out, nil
}

// differ names the parts of the job file in which two plans differ.
func differ(r rundir.Run, a, b *plan.Plan) (out []string) {
	text := func(v any) string {
		t, _ := json.Marshal(v)
		return string(t)
	}
	keys := func(p *plan.Plan) (ks []string) {
		for _, x := range p.Builds {
			ks = append(ks, x.Key)
		}
		return ks
	}
	parts := map[string][2]any{
		"environment": {keys(a), keys(b)}, "threads": {a.Threads.PerTask, b.Threads.PerTask}, "launcher": {a.Launcher, b.Launcher}, "env": {a.Env, b.Env},
		"inputs": {a.Inputs, b.Inputs}, "outputs": {a.Outputs, b.Outputs}, "run": {a.Run, b.Run}, "after": {a.After, b.After},
		"checkpoint": {a.Checkpoint, b.Checkpoint}, "scratch": {a.Scratch, b.Scratch}, "workdir": {a.Workdir, b.Workdir}, "home": {a.Home, b.Home}, "sweep": {a.Sweep, b.Sweep},
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if text(parts[name][0]) != text(parts[name][1]) {
			out = append(out, name)
		}
	}
	if !slices.Contains(out, "sweep") && b.Sweep != nil {
		was, err := durable.ReadFile(r.TableFile())
		now, terr := rundir.Table(b.Tasks)
		if err != nil || terr != nil || !bytes.Equal(was, now) {
			out = append(out, "sweep")
		}
	}
	names := map[string]bool{}
	for _, o := range slices.Concat(a.Slurm, b.Slurm) {
		names[o.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		x, xok := a.Slurm.Get(name)
		y, yok := b.Slurm.Get(name)
		if x != y || xok != yok {
			out = append(out, "slurm."+name)
		}
	}
	return out
}
