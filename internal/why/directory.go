package why

import (
	"fmt"

	"github.com/nixbatch/nixbatch/internal/collect"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
)

// directory says of a task's own directory what its state does not: inputs that
// are not what was submitted, and outputs that are still there.
func (w *Why) directory(r rundir.Run, t status.TaskStatus, name string) {
	var s facts.Start
	// What cannot be read is told with the state.
	if there, err := durable.ReadIf(r.StartFile(t.Task, t.Attempt), &s); err != nil || !there {
		return
	}
	if !t.State.Final() { // else its end tells
		for _, c := range s.Changed {
			w.Notes = append(w.Notes, "input "+c.Path+" changed before the start")
		}
		return
	}
	left, err := collect.Pending(r, t.Task)
	if err != nil || !left {
		return
	}
	w.Notes = append(w.Notes, "its outputs may not all be beside the job file: they are in "+s.Priv.Dir)
	if dir, node, err := collect.Dir(r, t.Task); err == nil && node != "" {
		w.Notes = append(w.Notes, fmt.Sprintf("that directory is on %s; to remove it: rm -r %s there", node, dir))
		return
	}
	w.Next = append(w.Next, "nixbatch collect "+name+" puts back what is there")
}
