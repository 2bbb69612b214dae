// Package fault is the one form of an error that a person can mend: what is
// wrong, and the way out.
//
// It promises that a program never has to read the sentence: an error's kind is
// its exit code.
package fault

import "errors"

// Error is something that the user can mend.
type Error struct {
	Kind    Kind   // 0 is Input
	Message string // lower case, no full stop
	Way     string // the way out, "" for none
	Err     error  // the cause, if there is one
}

// New is an error about what was given.
func New(message, way string) *Error { return &Error{Message: message, Way: way} }

// Because is the error with its cause, which its message has named: a disk that
// is full is no fault of what was given.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// Of is an error that keeps its words and its way out, and has this kind.
func Of(kind Kind, err error) *Error {
	return &Error{Kind: kind, Message: err.Error(), Way: Hint(err), Err: err}
}

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
