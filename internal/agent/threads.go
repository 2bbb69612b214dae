package agent

import (
	"fmt"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/launch"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/resources"
)

// threads works tasks and threads out again from what Slurm gave and from the
// affinity mask. What would run more threads than the job has CPUs is stopped.
func (a *Agent) threads(seen []Seen, b facts.Chosen) error {
	t := a.plan.Threads
	r, err := plan.Request(a.plan.Slurm, a.plan.Local)
	if err != nil {
		return err
	}
	w := resources.Wishes{}
	if t.Fixed {
		w.PerTask = t.PerTask
	}
	planned := a.plan.Resources
	if planned.Tasks == 0 { // the plan of an older nixbatch
		planned = resources.Layout{MinNodes: 1, Tasks: 1, CPUsPerTask: t.CPUs, CPUsPerThread: 1, ThreadsPerTask: t.PerTask}
	}
	if a.plan.Local && a.plan.Launcher == "none" {
		planned.Tasks = 1 // nobody starts the others
	}
	given := resources.Measure(a.Getenv, len(a.start.Affinity), planned, r, a.plan.NodeKind(seen[0].Node), w)
	notes, over, err := given.Check(planned)
	a.start.Notes = append(a.start.Notes, notes...)
	if err != nil {
		return err
	}
	if t.Nested != nil && t.Nested.Outer*t.Nested.Inner > given.ThreadsPerTask {
		over = fmt.Sprintf("threads.nested starts %d times %d threads, but a task has %d cores here: the job oversubscribes them",
			t.Nested.Outer, t.Nested.Inner, given.ThreadsPerTask)
		a.start.Notes = append(a.start.Notes, over)
	}
	if n := given.ThreadsPerTask; n > plan.OpenBLASLimit && t.Nested == nil {
		if lib := launch.FindOpenBLAS(b.Env); lib != "" {
			a.start.Notes = append(a.start.Notes, fmt.Sprintf("%d threads a task, but %s is compiled for %d and takes no more", n, lib, plan.OpenBLASLimit))
		}
	}
	a.given, a.start.Oversubscribed = given, over
	a.start.Resources = given.Layout
	a.start.Threads = given.ThreadsPerTask
	a.start.Vars = append(t.Variables(given.ThreadsPerTask, given.CPUsPerTask, a.plan.Env), a.plan.Env...)
	return nil
}
