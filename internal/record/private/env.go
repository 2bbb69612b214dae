package private

import "strings"

// fromJobFile and fromSweep are the origins (Var.From) of variables that env:
// and sweep: of the job file set.
const (
	fromJobFile = "job file"
	fromSweep   = "sweep"
)

// longValue is the length in bytes from which on the value of a variable is
// private wherever it occurs, not only where it is set.
const longValue = 8

// HidesEnv reports whether the values of the job file's env: are private.
func (r *Redactor) HidesEnv() bool { return r != nil && r.env }

// Hidden reports whether a value is a token that stands for a private one.
func Hidden(s string) bool { return strings.HasPrefix(s, tokenStart) }

// envToken stands for the value of a variable; nothing is said by an empty one.
func (r *Redactor) envToken(s string) string {
	if s == "" {
		return ""
	}
	return r.token(s)
}
