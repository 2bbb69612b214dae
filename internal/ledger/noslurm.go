package ledger

import (
	"errors"
	"fmt"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/slurm"
)

// SlurmError says that Slurm could not be asked.
type SlurmError struct {
	Err error
	// Local says that the job could run on this machine instead (--local).
	Local bool
}

func (e *SlurmError) Error() string {
	if slurm.Missing(e.Err) {
		return "there is no Slurm on this machine"
	}
	var many *slurm.ManyClustersError
	if errors.As(e.Err, &many) {
		return many.Error()
	}
	return fmt.Sprintf("slurm could not be asked: %v", e.Err)
}

func (e *SlurmError) Unwrap() error    { return e.Err }
func (e *SlurmError) Kind() fault.Kind { return fault.Slurm }

// Hint is the way out.
func (e *SlurmError) Hint() string {
	if slurm.Missing(e.Err) {
		return "log in to a submit host" + e.local(", or run the job here with --local")
	}
	var many *slurm.ManyClustersError
	if errors.As(e.Err, &many) {
		return many.Hint()
	}
	return "try sinfo by hand" + e.local("; --local runs the job here without Slurm")
}

func (e *SlurmError) local(words string) string {
	if e.Local {
		return words
	}
	return ""
}

// NoSlurmError says that Slurm's commands are not installed here.
type NoSlurmError struct{ Err error }

func (e *NoSlurmError) Error() string    { return "there is no Slurm on this machine" }
func (e *NoSlurmError) Unwrap() error    { return e.Err }
func (e *NoSlurmError) Kind() fault.Kind { return fault.Slurm }

// Hint is the way out.
func (e *NoSlurmError) Hint() string { return "log in to a submit host" }

// FromSlurm is an error of Slurm's commands as it is told: one for all that say
// that there are none.
func FromSlurm(err error) error {
	if slurm.Missing(err) {
		return &NoSlurmError{err}
	}
	return err
}

// KindOf is the kind of an error of package slurm, which is public and knows
// none: what its commands say is Slurm's, whatever is behind it.
func KindOf(err error) (fault.Kind, bool) {
	switch err.(type) {
	case *slurm.ElsewhereError, *slurm.SilentError, *slurm.CommandError, *slurm.SubmitError:
		return fault.Slurm, true
	}
	return 0, false
}
