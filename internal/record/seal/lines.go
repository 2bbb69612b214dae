package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nixbatch/nixbatch/internal/canon"
)

const maxLine = 64 << 20 // bytes

// Lines reads a TasksFile, a line at a time. A line that is not what sealing
// writes, byte for byte, is an error that names it.
func Lines(in io.Reader, each func(Line) error) error {
	r := lines{in: bufio.NewReaderSize(in, 16<<10)}
	for n := 1; ; n++ {
		l, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", TasksFile, n, err)
		}
		if err := each(l); err != nil {
			return err
		}
	}
}

// lines reads line after line in the same memory.
type lines struct {
	in                *bufio.Reader
	parser            canon.Parser
	line, fact, again []byte
	value             canon.Value // of the fact
}

// next is the next line, or io.EOF.
func (r *lines) next() (Line, error) {
	if err := r.read(); err != nil {
		return Line{}, err
	}
	v, err := r.parser.Parse(r.line)
	if err != nil {
		return Line{}, err
	}
	r.value = *v.Get("fact")
	r.fact = r.value.Append(r.fact[:0])
	// A path that is kept must not keep the line.
	l := Line{Path: strings.Clone(v.Get("path").Text), SHA256: v.Get("sha256").Text, Whole: v.Get("whole").Text, Keyed: v.Get("keyed").Text,
		Fact: r.fact, value: &r.value}
	if r.again = l.append(r.again[:0]); !bytes.Equal(r.again, r.line) {
		return Line{}, errors.New("it is not in the form that was sealed")
	}
	return l, nil
}

// read reads a line with its end.
func (r *lines) read() error {
	for r.line = r.line[:0]; ; {
		part, err := r.in.ReadSlice('\n')
		r.line = append(r.line, part...)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, bufio.ErrBufferFull) && len(r.line) < maxLine:
		case errors.Is(err, io.EOF) && len(r.line) > 0:
			return canon.ErrCut
		default:
			return err
		}
	}
}
