package source

import (
	"io"

	"github.com/nixbatch/nixbatch/internal/fault"
)

// Watched is a source that keeps the first error with which this machine, and not
// the record, was the reason that something could not be read: no memory, no file
// descriptor, no permission. It says nothing of the record.
type Watched struct {
	Source
	Refused error
}

// Note keeps an error that is such a refusal, and reports whether it is.
func (w *Watched) Note(err error) bool {
	if err == nil || fault.KindOf(err) != fault.System {
		return false
	}
	if w.Refused == nil {
		w.Refused = err
	}
	return true
}

// Open is Source's.
func (w *Watched) Open(name string) (io.ReadCloser, error) {
	f, err := w.Source.Open(name)
	if err != nil {
		w.Note(err)
		return nil, err
	}
	return &watchedFile{f, w}, nil
}

// List is Source's.
func (w *Watched) List(below string) ([]string, error) {
	names, err := w.Source.List(below)
	w.Note(err)
	return names, err
}

type watchedFile struct {
	io.ReadCloser
	w *Watched
}

func (f *watchedFile) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if err != io.EOF {
		f.w.Note(err)
	}
	return n, err
}
