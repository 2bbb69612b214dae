package status

import (
	"errors"
	"os"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/rundir"
)

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
