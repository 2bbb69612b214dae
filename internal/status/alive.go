package status

import (
	"errors"
	"os"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// localState tells a local run that goes on from one that was killed: the agent
// holds a lock for as long as it lives.
func localState(r rundir.Run, t *TaskStatus) {
	there, err := lockOf(r, t)
	switch {
	case !there:
		t.Reason = "it left no end"
	case err != nil:
		t.State = slurm.Running
	default:
		t.Reason = "it left no end: it was killed, or the machine went down"
	}
}

// lockOf looks at the lock of a task's last attempt: whether there is one, and
// why it is not to be had.
func lockOf(r rundir.Run, t *TaskStatus) (there bool, err error) {
	f, err := os.Open(r.AliveFile(t.Task, t.Attempt))
	if err != nil {
		return false, nil
	}
	defer f.Close()
	return true, syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
}

// Alive reports whether the agent of a task's last attempt still holds its lock:
// whatever Slurm says, the attempt runs.
func Alive(r rundir.Run, t TaskStatus) bool {
	_, err := lockOf(r, &t)
	return t.Start && errors.Is(err, syscall.EWOULDBLOCK)
}
