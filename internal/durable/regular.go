package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Open opens a regular file for reading. A FIFO, a socket or a device in its
// place is refused at once: reading one may wait for ever, or never end.
func Open(path string) (*os.File, error) {
	// Looked at before it is opened, which can have effects of its own.
	st, err := os.Stat(path)
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: pe.Err}
	}
	if err != nil {
		return nil, err
	}
	if err := regular(path, st); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	// And what was put in its place meanwhile.
	if st, err = f.Stat(); err == nil {
		err = regular(path, st)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadFile is os.ReadFile for a regular file.
func ReadFile(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// As large as it says it is, and one byte to see its end: a file that grows
	// step by step in memory costs several times its size.
	size := int64(0)
	if st, err := f.Stat(); err == nil {
		size = min(st.Size(), 1<<20)
	}
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, err = b.ReadFrom(f)
	return b.Bytes(), err
}

func regular(path string, st fs.FileInfo) error {
	what := ""
	switch mode := st.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	case mode&fs.ModeNamedPipe != 0:
		what = "is a pipe, not a file"
	case mode&fs.ModeSocket != 0:
		what = "is a socket, not a file"
	default:
		what = "is a device, not a file"
	}
	return &fs.PathError{Op: "read", Path: path, Err: errors.New(what)}
}
