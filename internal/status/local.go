package status

import (
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// localState tells what the files say of a local run. One that goes on is told
// from one that was killed by the lock that the agent holds for as long as it
// lives. One that was told to end was cancelled, as Slurm would call it.
func localState(r rundir.Run, t *TaskStatus) {
	switch {
	case t.end != nil && !t.end.ToldToEnd():
		return
	case t.end != nil:
		t.State = slurm.Cancelled
		if cancelledHere(r, t) {
			t.Reason = byCancel
		}
		return
	}
	there, held, err := rundir.Held(r.AliveFile(t.Task, t.Attempt))
	if err != nil {
		t.unread(err)
	}
	here := cancelledHere(r, t)
	switch {
	case held:
		t.State = slurm.Running
	case t.Unread != nil:
	case here:
		t.State, t.Reason = slurm.Cancelled, byCancel
	case !there:
		t.Reason = "it left no end"
	default:
		t.Reason = "it left no end: it was killed, or the machine went down"
	}
}

// cancelledHere reports whether nixbatch cancel told the agent to end.
func cancelledHere(r rundir.Run, t *TaskStatus) bool {
	for n := 0; ; n++ {
		var c facts.Cancel
		there, err := durable.ReadIf(ledger.CancelFile(r, n), &c)
		if err != nil {
			t.unread(err)
		}
		if !there || err != nil {
			return false
		}
		if c.Local {
			return true
		}
	}
}
