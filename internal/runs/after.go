package runs

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/slurm"
)

// After looks at the runs that a job comes after, and returns the sbatch
// options that make it wait for those that are not completed yet. A run that
// failed, or of which nothing is known, is an *Error: Slurm would let a job wait
// for ever for one that it has forgotten. given is the dependency that the job
// has already.
func After(ctx context.Context, w Watcher, parents []Run, given string, p Facts) ([]string, error) {
	if len(parents) == 0 {
		return nil, nil
	}
	p.MaxAge = 0
	states, err := States(ctx, w, parents, p)
	if err != nil {
		return nil, &Error{fmt.Sprintf("the runs to wait for could not be looked at: %v", err), "try again when Slurm answers"}
	}
	var ids []string
	for _, s := range states {
		switch bad := s.broken(); {
		case s.State == slurm.Completed:
		case s.Job.Local:
			return nil, &Error{fmt.Sprintf("run %s, which this one comes after, is a local one and is %s", s.Run.ID, s.State), "wait for it, and submit again"}
		case s.NotSubmitted:
			return nil, &Error{fmt.Sprintf("run %s, which this one comes after, was never submitted", s.Run.ID), "submit it first"}
		case bad != "":
			return nil, &Error{fmt.Sprintf("run %s, which this one comes after, is %s", s.Run.ID, bad), "nixbatch why " + s.Run.ID + " tells why; nixbatch retry " + s.Run.ID + " tries again"}
		default:
			open, _ := s.Open(-1)
			if len(open) == 0 || s.State == slurm.Unknown {
				return nil, &Error{fmt.Sprintf("the state of run %s, which this one comes after, is not known: %s", s.Run.ID, s.Reason), "nixbatch why " + s.Run.ID}
			}
			ids = append(ids, open...)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	dep := "afterok:" + strings.Join(ids, ":")
	if given != "" {
		dep = given + "," + dep
	}
	return []string{"--dependency=" + dep, "--kill-on-invalid-dep=yes"}, nil
}

// broken is what keeps a run from ever being completed, "" for nothing.
func (s Status) broken() string {
	if s.State.Final() && s.State != slurm.Completed {
		return string(s.State) + because(s.Reason)
	}
	for _, state := range worst {
		if n := s.Counts[state]; n > 0 {
			return fmt.Sprintf("%s, but %s tasks are %s", s.State, strconv.Itoa(n), state)
		}
	}
	return ""
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// FirstCalls are the calls of sbatch for a job's first submission. tasks is 0
// for a job that is no sweep.
func FirstCalls(tasks, maxArray, running int, options []string) []record.Call {
	if tasks == 0 {
		return []record.Call{{Count: 1, Options: options}}
	}
	all := make([]int, tasks)
	for i := range all {
		all[i] = i
	}
	calls := Calls(all, maxArray, running, 0)
	for i := range calls {
		calls[i].Options = options
	}
	return calls
}
