package main

import (
	"context"
	"errors"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
)

// stoppedError is a command that was interrupted before it came to its point.
type stoppedError struct {
	err  error
	note string // what that means
}

func (e *stoppedError) Error() string { return e.err.Error() }
func (e *stoppedError) Unwrap() error { return e.err }

// stopped says of an error that came from an interrupt what did not happen.
func stopped(ctx context.Context, err error, note string) error {
	var (
		quiet  *command.Quiet
		unsure *ledger.UncertainError
		part   *ledger.PartError
	)
	if err == nil || ctx.Err() == nil && !errors.Is(err, context.Canceled) ||
		errors.As(err, &quiet) || errors.As(err, &unsure) || errors.As(err, &part) {
		return err
	}
	return &stoppedError{err, note}
}

// interruption is what a person is told of an interrupt: not what it cut short,
// but what remains.
func interruption(err error) error {
	var stop *stoppedError
	var part *ledger.PartError
	switch {
	case errors.As(err, &stop):
		return errors.New("interrupted; " + stop.note)
	case errors.As(err, &part):
		return &fault.Error{Message: "interrupted; " + part.Error(), Way: part.Hint()}
	}
	return errors.New("interrupted")
}
