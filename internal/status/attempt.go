package status

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// begun are the tasks that have a directory; nil where that cannot be read: then
// each is looked for.
func begun(r rundir.Run) map[int]bool {
	ranges, err := durable.List(filepath.Join(r.Dir, "tasks"))
	if err != nil {
		return nil
	}
	out := map[int]bool{}
	for _, d := range ranges {
		entries, err := durable.List(filepath.Join(r.Dir, "tasks", d.Name()))
		if err != nil {
			return nil
		}
		for _, e := range entries {
			if n, err := strconv.Atoi(e.Name()); err == nil {
				out[n] = true
			}
		}
	}
	return out
}

// attempt reads the end of a task's last attempt.
func attempt(r rundir.Run, t *TaskStatus) {
	var err error
	if t.Attempt, t.Start, err = lastAttempt(r, t.Task); err != nil {
		t.unread(err)
	}
	if !t.Start {
		return
	}
	if !t.begun() {
		return // an end before a retry is none of the job after it
	}
	switch st, err := durable.Stat(r.AttemptDir(t.Task, t.Attempt)); {
	case err != nil:
		t.unread(err)
	case st != nil:
		t.Begun = st.ModTime()
	}
	var end facts.End
	there, err := durable.ReadIf(r.EndFile(t.Task, t.Attempt), &end)
	if err != nil {
		t.unread(err)
	}
	if !there || err != nil {
		return
	}
	t.Brief.Elapsed, t.Brief.Exit = end.Elapsed, &end.ExitCode
	if end.Requeued {
		t.Reason = end.Reason
		return // it goes on
	}
	t.Brief.Note = noteOf(&end)
	t.end = &end
	t.byEnd()
}

// byEnd is the state that the task's own end tells.
func (t *TaskStatus) byEnd() {
	t.State, t.Reason = slurm.Completed, t.end.Reason
	if t.end.ExitCode != 0 {
		t.State = slurm.Failed
		if t.Reason == "" {
			t.Reason = exitReason(t.end.ExitCode)
		}
	}
}

// begun reports whether the job that has the task now began an attempt of it.
func (t *TaskStatus) begun() bool { return t.Start && t.Attempt >= t.first }

// lastAttempt is the number of the last attempt of a task, if there is one.
func lastAttempt(r rundir.Run, task int) (last int, ok bool, err error) {
	entries, err := durable.List(r.TaskDir(task))
	for _, e := range entries {
		if n, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "attempt-")); err == nil {
			last, ok = max(last, n), true
		}
	}
	return last, ok, err
}
