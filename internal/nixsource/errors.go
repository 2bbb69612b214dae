package nixsource

import (
	"fmt"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Error is a pin that names no tree, or a tree that cannot be used.
type Error struct {
	Message string
	Way     string // the way out, see Hint; may be ""
	Err     error  // the cause, such as *HashError
}

func (e *Error) Error() string { return e.Message }

// Hint is the way out, or "".
func (e *Error) Hint() string { return e.Way }

// Kind is Nix, but where this machine refused to let a pinned tree be read.
func (e *Error) Kind() fault.Kind {
	if fault.IsSystem(e.Err) {
		return fault.System
	}
	return fault.Nix
}

func (e *Error) Unwrap() error { return e.Err }

// HashError is a tree that is not the one pinned. Want and Got are SRI.
type HashError struct {
	Want, Got string
	What      string // the pin, a URL or a derivation
}

func (e *HashError) Error() string {
	return fmt.Sprintf("hash of %s is not the one given: want %s, got %s", e.What, e.Want, e.Got)
}

// Hint is the way out.
func (e *HashError) Hint() string {
	return "if the change is wanted, put this into the job file: hash: " + e.Got
}

// Failed is what went wrong with a pin, named by where it is from.
func Failed(pin jobspec.Pin, err error, way string) *Error {
	return &Error{Message: fmt.Sprintf("pinned source %q: %v", pin.GitHub+pin.URL+pin.Git+pin.Path, err), Way: way, Err: err}
}

func wrongHash(want, got, what string) *Error {
	he := &HashError{Want: want, Got: got, What: what}
	return &Error{Message: he.Error(), Way: he.Hint(), Err: he}
}
