package command

import (
	"io"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/screen"
)

// Streams is where a command reads and prints.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer

	out *Output // what Out ends in, once the command has begun
}

// Output is standard output; it remembers the first error.
type Output struct {
	To  io.Writer
	err error
}

func (o *Output) Write(p []byte) (int, error) {
	n, err := o.To.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// Through is the streams of a command, which make plain what passes them.
func (s Streams) Through(out *Output) Streams {
	s.Out, s.Err, s.out = screen.To(s.Out, out), screen.To(s.Err, s.Err), out
	return s
}

// Unwritten is why standard output is not whole; nil while it is.
func (s Streams) Unwritten() error {
	if s.out == nil {
		return nil
	}
	return s.out.err
}

// Written is the exit code of a command that printed to out.
func Written(s Streams, out *Output, code int) int {
	if out.err == nil {
		return code
	}
	screen.Printf(s.Err, "nixbatch: standard output could not be written: %v\n", durable.Reason(out.err))
	if code == Done {
		return NotWritten
	}
	return code
}
