// Package fault is the one form of an error that a person can mend: what is
// wrong, and the way out.
//
// It promises that a program never has to read the sentence: its kind decides
// the exit code.
package fault

import "errors"

// Kind is whose fault it is.
type Kind int

// The kinds, each with an exit code of its own (docs/exit-codes.md).
const (
	Input  Kind = iota // what was given cannot be used as it is
	Nix                // Nix could not make or find an environment
	Slurm              // Slurm refused, or cannot be asked
	Unsure             // it is not known whether Slurm took the job
)

// Error is something that the user can mend.
type Error struct {
	Kind    Kind
	Message string // lower case, no full stop
	Way     string // the way out, "" for none
	Err     error  // the cause, if there is one
}

// New is an error about what was given.
func New(message, way string) *Error { return &Error{Message: message, Way: way} }

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// Hint is the way out.
func (e *Error) Hint() string { return e.Way }

// Hint is the way out of an error, "" where it has none.
func Hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
