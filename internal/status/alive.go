package status

import (
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// Alive reports whether the agent of a task's last attempt still holds its lock:
// whatever Slurm says, the attempt runs. That this cannot be told is an error.
func Alive(r rundir.Run, t TaskStatus) (bool, error) {
	if !t.Start {
		return false, t.Unread
	}
	_, held, err := rundir.Held(r.AliveFile(t.Task, t.Attempt))
	return held, err
}
