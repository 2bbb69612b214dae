package check

import (
	"errors"
	"io"
	"io/fs"

	"github.com/nixbatch/nixbatch/internal/record/seal"
)

type difference int

const (
	same difference = iota
	changed
	longer
	gone
)

// original compares a file of a run directory, or a log of an export, with its
// line.
func (c *checker) original(l seal.Line) difference {
	f, err := c.Open(l.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return gone
	}
	if err != nil {
		return changed
	}
	defer f.Close()
	in := io.Reader(f)
	size := l.LogSize()
	if size >= 0 {
		in = io.LimitReader(f, size)
	}
	if c.key.Whole(in) != l.Whole {
		return changed
	}
	if size >= 0 {
		var one [1]byte
		if n, _ := f.Read(one[:]); n > 0 {
			return longer
		}
	}
	return same
}
