package runs

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/gc"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// needs is why runs stay, by their directories.
type needs map[string]string

// needsOf looks at all runs that there are: those that are not over are needed,
// and so are those that they come after.
func needsOf(states []status.Status, o Options, now time.Time) needs {
	out := needs{}
	open := []status.Status{}
	for _, s := range states {
		why := gc.Busy(s, now)
		if s.State == slurm.Unknown && s.Whole() && o.Unknown && s.Elsewhere == "" {
			why = ""
		}
		if why != "" {
			out[s.Run.Dir] = why
			open = append(open, s)
		}
	}
	jobs := map[int64]rundir.Run{}
	for _, s := range states {
		mine, err := ledger.Jobs(s.Run)
		if err != nil {
			out[s.Run.Dir] = "left what cannot be read"
			continue
		}
		for _, j := range mine {
			jobs[j.JobID] = s.Run
		}
	}
	for _, s := range open {
		parents, err := parentsOf(s.Run, jobs)
		if err != nil {
			for _, other := range states { // any of them may be one
				if other.Run.Project == s.Run.Project && out[other.Run.Dir] == "" {
					out[other.Run.Dir] = "may be one that run " + s.Run.ID + " comes after, which cannot be read"
				}
			}
		}
		for _, p := range parents {
			if out[p.Dir] == "" {
				out[p.Dir] = "is one that run " + s.Run.ID + " comes after, which " + out[s.Run.Dir]
			}
		}
	}
	return out
}

var numbers = lazyre.New(`[0-9]+`)

// parentsOf are the runs that a run comes after: those whose jobs its submissions
// wait for in any way, and those that its job file names.
func parentsOf(r rundir.Run, jobs map[int64]rundir.Run) (out []rundir.Run, err error) {
	var pl plan.Plan
	if _, err := durable.ReadIf(r.PlanFile(), &pl); err != nil {
		return nil, err
	}
	ins, err := ledger.Intents(r)
	if err != nil {
		return nil, err
	}
	dep, _ := pl.Slurm.Get("dependency")
	waits := []string{dep}
	for _, in := range ins {
		for _, c := range ledger.CallsOf(in) {
			dep, _ := c.Asked().Get("dependency")
			waits = append(waits, dep)
		}
	}
	for _, w := range waits {
		for _, n := range numbers.FindAllStringSubmatch(w, -1) {
			id, err := strconv.ParseInt(n[0], 10, 64)
			if p, ok := jobs[id]; ok && err == nil && p.ID != r.ID {
				out = append(out, p)
			}
		}
	}
	all, err := r.Project.List() // the newest first
	if err != nil {
		return nil, err
	}
	older := all[min(slices.IndexFunc(all, func(o rundir.Run) bool { return o.ID == r.ID })+1, len(all)):]
	for _, name := range pl.After {
		if i := slices.IndexFunc(older, func(o rundir.Run) bool { return o.ID == name || o.Name() == name }); i >= 0 {
			out = append(out, older[i])
		}
	}
	return out, nil
}

// onlyCopy is an output of which the run has the only copy, "" for none: it keeps
// one, and what lies beside the job file is gone or another.
func onlyCopy(ctx context.Context, r rundir.Run) (string, error) {
	if there, err := durable.There(filepath.Join(r.Dir, facts.KeptDir)); err != nil || !there {
		return "", err
	}
	rec, err := load.Open(r.Dir)
	if err != nil {
		return "", err
	}
	defer rec.Close()
	last := map[string]facts.File{} // by path: a later attempt wrote it again
	left := ""
	if err := rec.Attempts(func(a load.Attempt) error {
		if a.End == nil {
			return nil
		}
		for _, f := range a.End.Outputs {
			last[f.Path] = f
		}
		if a.Last && len(a.End.NotCopied) > 0 && rec.Plan.Scratch == nil {
			left = a.End.NotCopied[0].Path
		}
		return nil
	}); err != nil || left != "" {
		return left, err
	}
	for path, f := range last {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		there, err := durable.There(filepath.Join(r.Dir, facts.KeptDir, f.SHA256))
		switch {
		case err != nil:
			return "", err
		case f.SHA256 == "" || !there:
			continue
		case rec.WorkDir() == "":
			return path, nil // where it was, it is not
		}
		now := digest.File(path, filepath.Join(rec.WorkDir(), path), f.Size)
		if now.SHA256 != f.SHA256 {
			return path, nil
		}
	}
	return "", nil
}

// why is why a run stays, "" for one that may go.
func (n needs) why(ctx context.Context, r rundir.Run, o Options) (string, error) {
	if n[r.Dir] != "" || o.Outputs {
		return n[r.Dir], nil
	}
	path, err := onlyCopy(ctx, r)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return fmt.Sprintf("cannot be read, so that it may have the only copy of an output (%v)", err), nil
	case path != "":
		return "has the only copy of output " + path, nil
	}
	return "", nil
}
