package submit

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// afterOK is how a run waits for those that it comes after.
const afterOK = "afterok"

// After looks at the runs that a job comes after, and returns the sbatch
// options that make it wait for those that are not completed yet. A run that
// failed, or of which nothing is known, is an error: Slurm would let a job wait
// for ever for one that it has forgotten. given is the dependency that the job
// has already.
func After(ctx context.Context, w status.Watcher, parents []rundir.Run, given string, p ledger.About) (sbatch.Options, error) {
	if len(parents) == 0 {
		return nil, nil
	}
	p.MaxAge = 0
	states, err := status.States(ctx, w, parents, p)
	if err != nil {
		return nil, &fault.Error{Kind: fault.KindOf(err, ledger.KindOf), Message: fmt.Sprintf("the runs to wait for could not be looked at: %v", err),
			Way: "try again when Slurm answers", Err: err}
	}
	var ids []string
	for _, s := range states {
		switch bad := broken(s); {
		case s.State == slurm.Completed:
		case s.Job.Local:
			return nil, fault.New(fmt.Sprintf("run %s, which this one comes after, is a local one and is %s", s.Run.ID, s.State), "wait for it, and submit again")
		case s.NotSubmitted:
			return nil, fault.New(fmt.Sprintf("run %s, which this one comes after, was never submitted", s.Run.ID), "submit it first")
		case bad != "":
			return nil, fault.New(fmt.Sprintf("run %s, which this one comes after, is %s", s.Run.ID, bad), "nixbatch why "+s.Run.ID+" tells why; nixbatch retry "+s.Run.ID+" tries again")
		default:
			_, open := s.Open(-1)
			if len(open) == 0 || s.State == slurm.Unknown {
				return nil, fault.New(fmt.Sprintf("the state of run %s, which this one comes after, is not known: %s", s.Run.ID, s.Reason), "nixbatch why "+s.Run.ID)
			}
			ids = append(ids, open...)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var o sbatch.Options
	if given != "" {
		o = o.Set("dependency", given)
	}
	return o.After(afterOK, ids...).Set("kill-on-invalid-dep", "yes"), nil
}

// afterAgain is what After says to a further submission of a run: of the runs
// as they are now, which may have failed, or be open again, since the first.
func afterAgain(ctx context.Context, r rundir.Run, w status.Watcher, pl *plan.Plan, ins []facts.Intent, p ledger.About) (sbatch.Options, error) {
	parents, err := parents(r, pl, ins)
	if err != nil {
		return nil, err
	}
	given, _ := pl.Slurm.Get("dependency")
	return After(ctx, w, parents, given, p)
}

// parents are the runs that a run comes after: those of its job file, and those
// that its first submission waited for (submit --chain).
func parents(r rundir.Run, pl *plan.Plan, ins []facts.Intent) (out []rundir.Run, err error) {
	add := func(p rundir.Run) {
		if p.ID != r.ID && !slices.ContainsFunc(out, func(have rundir.Run) bool { return have.ID == p.ID }) {
			out = append(out, p)
		}
	}
	ids := map[int64]bool{}
	if len(ins) > 0 {
		for _, id := range ledger.CallsOf(ins[0])[0].Asked().Awaited(afterOK) {
			if n, err := strconv.ParseInt(id, 10, 64); err == nil {
				ids[n] = true
			}
		}
	}
	if len(ids) > 0 {
		all, err := r.Project.List()
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			jobs, err := ledger.Jobs(p)
			if err != nil {
				return nil, fmt.Errorf("run %s: %w", p.ID, err)
			}
			if slices.ContainsFunc(jobs, func(j facts.Job) bool { return ids[j.JobID] }) {
				add(p)
			}
		}
	}
	for _, name := range pl.After {
		p, err := parent(r, name, out)
		if err != nil {
			return nil, err
		}
		add(p)
	}
	return out, nil
}

// parent is the run that a name meant when r was submitted: where it is a job's
// name, a newer run than the one that was waited for changes nothing.
func parent(r rundir.Run, name string, known []rundir.Run) (rundir.Run, error) {
	for _, k := range known {
		if k.ID == name || k.Name() == name {
			return k, nil
		}
	}
	return r.Project.Get(name)
}

// FailedParents are the runs that r comes after and that are not completed, nor
// will be.
func FailedParents(ctx context.Context, r rundir.Run, w status.Watcher, pl *plan.Plan, p ledger.About) (ids []string) {
	ins, err := ledger.Intents(r)
	if err != nil {
		return nil // told by whoever asked for the state
	}
	parents, err := parents(r, pl, ins)
	if err != nil || len(parents) == 0 {
		return nil
	}
	states, _ := status.States(ctx, w, parents, p) // then from the files alone
	for _, s := range states {
		if broken(s) != "" || s.NotSubmitted {
			ids = append(ids, s.Run.ID)
		}
	}
	return ids
}

// broken is what keeps a run from ever being completed, "" for nothing.
func broken(s status.Status) string {
	if s.State.Final() && s.State != slurm.Completed {
		return string(s.State) + text.Because(s.Reason)
	}
	for _, state := range status.Worst {
		if n := s.Counts[state]; n > 0 {
			verb := "are"
			if n == 1 {
				verb = "is"
			}
			return fmt.Sprintf("%s, but %s %s %s", s.State, text.Plural(n, "task"), verb, state)
		}
	}
	return ""
}
