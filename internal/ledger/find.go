package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// Find finds the run that a person means, and the task of it, -1 for all of them.
// A run is named by its id, by a beginning or an end of that which fits only one,
// by its job's name (the newest of it), or by the number of a job of Slurm's; a task
// as RUN.TASK, or as Slurm names it, 12_3. "" is the newest run. Where p has no such
// run, those of the other projects are looked for by their ids and job numbers: a
// name may mean another job there.
func Find(p rundir.Project, others func() ([]rundir.Project, error), name string) (r rundir.Run, task int, err error) {
	r, task, err = find(p, name)
	var none *noneError
	if !errors.As(err, &none) || name == "" {
		return r, task, err
	}
	all, oerr := others()
	if oerr != nil {
		return r, task, err // a project that cannot be looked at has not what was named, or it is named from there
	}
	var hits []named
	for _, o := range all {
		if o.Dir == p.Dir {
			continue
		}
		some, ferr := away(o, name)
		if ferr != nil {
			return r, task, ferr
		}
		hits = append(hits, some...)
	}
	if len(hits) == 0 {
		return r, task, err
	}
	return one(name, hits)
}

// named is a run that a name may mean, and the task.
type named struct {
	run  rundir.Run
	task int
}

// noneError is a name that no run has.
type noneError struct{ error }

func (e *noneError) Unwrap() error { return e.error }

// find looks in one project.
func find(p rundir.Project, name string) (rundir.Run, int, error) {
	jobs, err := ofJob(p, name)
	if err != nil {
		return rundir.Run{}, -1, err
	}
	r, gerr := p.Get(name)
	switch {
	case gerr == nil && len(jobs) > 0 && r.ID != name:
		if !slices.ContainsFunc(jobs, func(n named) bool { return n.run.ID == r.ID }) {
			jobs = append(jobs, named{r, -1})
		}
		return one(name, jobs)
	case gerr == nil:
		return r, -1, nil
	case len(jobs) > 0:
		return one(name, jobs)
	}
	head, tail, ok := cutLast(name, ".")
	n, nerr := strconv.Atoi(tail)
	if !ok || nerr != nil || n < 0 || head == "" {
		return r, -1, &noneError{gerr}
	}
	r, of, err := find(p, head)
	var none *noneError
	switch {
	case errors.As(err, &none):
		return r, -1, &noneError{gerr}
	case err != nil:
		return r, -1, err
	case of >= 0:
		return r, -1, fault.New(fmt.Sprintf("%s names a task already, of run %s", head, r.ID), fmt.Sprintf("%s.%d", r.ID, of))
	case n > 0 && !hasTask(r, n):
		return r, -1, fault.New(fmt.Sprintf("run %s has no task %d", r.ID, n), "nixbatch status "+r.ID+" lists its tasks")
	}
	return r, n, nil
}

// away looks in another project, by id and by job alone.
func away(p rundir.Project, name string) ([]named, error) {
	jobs, err := ofJob(p, name)
	if err != nil || len(jobs) > 0 {
		return jobs, err
	}
	all, err := p.List()
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.ID == name {
			return []named{{r, -1}}, nil
		}
		if tail, ok := strings.CutPrefix(name, r.ID+"."); ok && lazyre.Digits(tail, 9) {
			n, _ := strconv.Atoi(tail) // digits
			if n > 0 && !hasTask(r, n) {
				return nil, fault.New(fmt.Sprintf("run %s has no task %d", r.ID, n), "nixbatch status "+r.ID+" lists its tasks")
			}
			return []named{{r, n}}, nil
		}
	}
	return nil, nil
}

// ofJob are the runs that have, or had, a job of Slurm's with that number.
func ofJob(p rundir.Project, name string) (out []named, err error) {
	number, index, array := strings.Cut(name, "_")
	if !lazyre.Digits(number, 18) || array && !lazyre.Digits(index, 9) {
		return nil, nil
	}
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, nil
	}
	i, _ := strconv.Atoi(index) // digits, or none
	all, err := p.List()
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		jobs, err := Jobs(r)
		if err != nil {
			continue // it is told of that run where its state is
		}
		for _, j := range jobs {
			switch {
			case j.JobID != id || array && j.Call.Array == "":
			case array && slices.Contains(TasksOf(j.Call), i+j.Call.Offset):
				out = append(out, named{r, i + j.Call.Offset})
			case !array && !slices.ContainsFunc(out, func(n named) bool { return n.run.ID == r.ID }):
				out = append(out, named{r, -1})
			}
		}
	}
	return out, nil
}

// one is the only one of several, or says that there are several.
func one(name string, hits []named) (rundir.Run, int, error) {
	if len(hits) == 1 {
		return hits[0].run, hits[0].task, nil
	}
	var ids []string
	for _, h := range hits[:min(3, len(hits))] {
		id := h.run.ID
		if h.task >= 0 {
			id += "." + strconv.Itoa(h.task)
		}
		ids = append(ids, id)
	}
	return rundir.Run{}, -1, fault.New(fmt.Sprintf("%q may be %d runs: it is the number of a job, and numbers come again", name, len(hits)),
		"write one of "+strings.Join(ids, ", "))
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func hasTask(r rundir.Run, n int) bool {
	ins, err := Intents(r)
	if err != nil || len(ins) == 0 {
		return false
	}
	return slices.ContainsFunc(CallsOf(ins[0]), func(c facts.Call) bool { return slices.Contains(TasksOf(c), n) })
}
