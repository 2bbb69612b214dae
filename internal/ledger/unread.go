package ledger

import (
	"fmt"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// UnreadError says that a file of the run is there and cannot be read: that is
// never Slurm's silence, nor another run's matter.
type UnreadError struct{ Err error }

func (e *UnreadError) Error() string { return e.Err.Error() }
func (e *UnreadError) Unwrap() error { return e.Err }

func unread(err error) error {
	if err == nil {
		return nil
	}
	return &UnreadError{err}
}

// whole checks that an answer in a file is one that is written: no number is
// below 0, and a correction without a number says that there is no job.
func whole(file string, j facts.Job, correction bool) error {
	if j.JobID < 0 || correction && j.JobID == 0 && j.How != "none" {
		return fmt.Errorf("read %s: not a whole record: it has %d for a job", file, j.JobID)
	}
	return nil
}
