// Package collect puts back what a task made that was killed before it could do so
// itself.
//
// It promises to touch no task whose agent holds its lock, to change nothing beside
// the job file but the outputs that the job file names, each whole, and that what
// it is asked twice comes out the same. Of Slurm it knows nothing: that a task is
// over is the caller's word.
package collect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/stage"
)

// Back is what was put back of one task.
type Back struct {
	Task    int          `json:"task"`
	Dir     string       `json:"dir"`
	Outputs []facts.File `json:"outputs"`
	Failed  []facts.File `json:"failed,omitempty"` // what could not be, and is in Dir
}

// Last is the last attempt of a task that began; -1: none did.
func Last(r rundir.Run, task int) (int, error) {
	entries, err := durable.List(r.TaskDir(task))
	if err != nil {
		return -1, fmt.Errorf("task %d: %w", task, err)
	}
	last := -1
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), "attempt-"); ok {
			if n, err := strconv.Atoi(text); err == nil {
				last = max(last, n)
			}
		}
	}
	return last, nil
}

// Dir is where a task works or worked, and the node's name where that is there
// alone ("" else). Before its start it is fs.ErrNotExist.
func Dir(r rundir.Run, task int) (dir, node string, err error) {
	_, s, err := started(r, task)
	if err != nil {
		return "", "", err
	}
	if s.Priv.Dir == "" {
		return s.Priv.WorkDir, "", nil
	}
	if !strings.HasPrefix(s.Priv.Dir, r.Dir+"/") {
		node = s.Priv.Hostname
	}
	return s.Priv.Dir, node, nil
}

// started is the last start of a task.
func started(r rundir.Run, task int) (attempt int, s facts.Start, err error) {
	last, err := Last(r, task)
	if err != nil {
		return -1, s, err
	}
	for ; last >= 0; last-- {
		there, err := durable.ReadIf(r.StartFile(task, last), &s)
		if err != nil || there {
			return last, s, err
		}
	}
	return -1, s, fmt.Errorf("task %d: %w", task, fs.ErrNotExist)
}

// Pending reports whether a task that is over left something to be put back.
func Pending(r rundir.Run, task int) (bool, error) {
	attempt, s, err := started(r, task)
	if errors.Is(err, fs.ErrNotExist) || err == nil && s.Priv.Dir == "" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var end facts.End
	there, err := durable.ReadIf(r.EndFile(task, attempt), &end)
	return err == nil && (!there || len(end.NotCopied) > 0), err
}

// Task puts a task's outputs back. That it is over is the caller's word.
func Task(r rundir.Run, task int) (*Back, error) {
	attempt, s, err := started(r, task)
	if err != nil {
		return nil, err
	}
	if s.Priv.Dir == "" {
		return nil, fault.New(fmt.Sprintf("task %d of run %s worked beside the job file", task, r.ID), "its outputs are where it wrote them")
	}
	if _, err := rundir.Agent(r.AliveFile(task, attempt)); !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fmt.Sprintf("task %d of run %s may still run: its agent holds its lock", task, r.ID), "nixbatch status tells; wait until it is over")
	}
	if st, err := durable.Stat(s.Priv.Dir); err != nil {
		return nil, err
	} else if st == nil {
		return nil, fault.New(fmt.Sprintf("the directory of task %d is not here: %s", task, s.Priv.Dir), "look for it on "+s.Priv.Hostname)
	}
	var p plan.Plan
	if err := durable.Read(r.PlanFile(), &p); err != nil {
		return nil, fmt.Errorf("plan of run %s: %w", r.ID, err)
	}
	if p.Sweep != nil {
		row, err := r.Row(task)
		if err == nil {
			err = p.Task(row)
		}
		if err != nil {
			return nil, err
		}
	}
	k := stage.Keeper{Shared: r.Project.Kept(), Run: r.KeptDir(), Below: stage.Nothing, Flush: true}
	if p.Kept != nil {
		k.Below = p.Kept.Below
	}
	if err := os.MkdirAll(k.Run, 0o700); err != nil {
		return nil, err
	}
	out := &Back{Task: task, Dir: s.Priv.Dir}
	if out.Outputs, err = k.Outputs(s.Priv.Dir, p.Gives(), digest.HashLimit); err != nil {
		return nil, err
	}
	out.Failed = stage.Back{Dir: s.Priv.Dir, To: s.Priv.WorkDir, Kept: r.KeptDir(), Name: fmt.Sprintf("%s/%d", r.ID, task)}.Files(out.Outputs)
	return out, nil
}
