package main

import (
	"context"
	"errors"
	"io"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
)

// output is standard output; it remembers the first error.
type output struct {
	to  io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// unwritten is why standard output is not whole; nil while it is.
func (s Streams) unwritten() error {
	if s.out == nil {
		return nil
	}
	return s.out.err
}

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
		quiet  *quietError
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
