package fault

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

// Kind is whose fault an error is. Its number is the exit code, and so only ever
// added to (docs/exit-codes.md).
type Kind int

// The kinds of a command's error.
const (
	Failed      Kind = 1 // what was checked is not as it should be
	Input       Kind = 2 // what was given cannot be used as it is
	Nix         Kind = 3 // Nix could not make or find an environment
	Slurm       Kind = 4 // Slurm refused, or cannot be asked
	Unsure      Kind = 5 // it is not known whether Slurm took the job
	NotWritten  Kind = 6 // it is done, and what there is to print could not be printed
	System      Kind = 7 // this machine said no: see refusals
	Interrupted Kind = 130
)

// The kinds of what stops a task on its node before the user's first line; what
// is none of the later ones is Refused there.
const (
	Refused  Kind = 120 // the batch script, the agent or launch could not run here
	Copied   Kind = 121 // the run is another job's, or none's
	Begun    Kind = 122 // this attempt was begun before
	Stranger Kind = 123 // started outside Slurm, or on another cluster
)

// ExitCode is the exit code of a command that ends with such an error.
func (k Kind) ExitCode() int { return int(k) }

// refusals are the answers of an operating system that say nothing of what was
// asked, only that it cannot be had now, or by this user (errno(3)).
var refusals = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, // no room
	syscall.EACCES, syscall.EPERM, fs.ErrPermission, // not allowed
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, // too many
	syscall.EIO, syscall.ESTALE, // broken
}

// Kinded is an error type of its own that has a kind, because others read what
// else it holds.
type Kinded interface {
	error
	Kind() Kind
}

// KindOf is the kind of an error. Where it holds several, one that leaves open
// what Slurm did comes before an interrupt, and an interrupt before all others;
// of these the outermost and first counts, and without any it is Input. An Input
// error with a refusal of the system behind it is the system's. own are kinds of
// types that know nothing of this package.
func KindOf(err error, own ...func(error) (Kind, bool)) Kind {
	kinds := walk(err, own)
	for _, first := range []Kind{Unsure, Interrupted} {
		if slices.Contains(kinds, first) {
			return first
		}
	}
	for _, k := range kinds {
		if k != Input {
			return k
		}
		if slices.Contains(kinds, System) {
			return System
		}
		return Input
	}
	return Input
}

// walk is all kinds of an error, from the outside to its causes.
func walk(err error, own []func(error) (Kind, bool)) []Kind {
	if err == nil {
		return nil
	}
	var all []Kind
	if k, ok := kind(err, own); ok {
		all = append(all, k)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		all = append(all, walk(e.Unwrap(), own)...)
	case interface{ Unwrap() []error }:
		for _, in := range e.Unwrap() {
			all = append(all, walk(in, own)...)
		}
	}
	return all
}

// kind is that of one error, without its causes.
func kind(err error, own []func(error) (Kind, bool)) (Kind, bool) {
	switch e := err.(type) {
	case *Error:
		if e.Kind == 0 {
			return Input, true
		}
		return e.Kind, true
	case Kinded:
		return e.Kind(), true
	}
	for _, f := range own {
		if k, ok := f(err); ok {
			return k, true
		}
	}
	switch {
	case err == context.Canceled:
		return Interrupted, true
	case slices.ContainsFunc(refusals, func(r error) bool { return r == err }):
		return System, true
	}
	return 0, false
}

// IsSystem reports whether an error is a refusal of the system, whatever it is
// told as.
func IsSystem(err error) bool {
	return slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) })
}
