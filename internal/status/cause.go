package status

import (
	"strings"

	"github.com/nixbatch/nixbatch/slurm"
)

// Cause is why a task is in its state, where others decide on it; the Reason says
// it to people.
type Cause string

const (
	Suspended Cause = "suspended" // it runs, and stands still
	Preempted Cause = "preempted" // cancelled for a job of higher priority
)

// preempted is Preempted in words.
const preempted = string(slurm.Preempted)

// oldCause is the cause in a final.json of the first nixbatch, which had the
// words alone.
func oldCause(reason string) Cause {
	if strings.HasPrefix(reason, preempted) {
		return Preempted
	}
	return ""
}
