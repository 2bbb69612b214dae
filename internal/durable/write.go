package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// ErrExists says that a fact was already written.
var ErrExists = errors.New("already written")

// Write writes v as indented JSON to path, once: a temporary file in the same
// directory, flushed, linked to its name (link(2) refuses to replace, where
// rename(2) would), made read-only, and the directory flushed. A path that
// exists yields ErrExists; any failure leaves nothing behind.
func Write(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("record %s: %w", filepath.Base(path), err)
	}
	return WriteBytes(path, append(data, '\n'), 0o444)
}

// WriteBytes does for bytes what Write does for a value.
func WriteBytes(path string, data []byte, mode fs.FileMode) (err error) {
	dir, base := filepath.Split(path)
	f, err := os.CreateTemp(filepath.Clean(dir), "."+base+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", base, err)
	}
	tmp := f.Name()
	defer os.Remove(tmp)
	_, err = f.Write(data)
	for _, step := range []func() error{func() error { return f.Chmod(mode) }, f.Sync, f.Close} {
		if serr := step(); err == nil {
			err = serr
		}
	}
	if err == nil {
		err = os.Link(tmp, path)
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: %w", base, ErrExists)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", base, err)
	}
	return SyncDir(dir)
}

// Replace writes v as JSON to path, atomically, over what is there: for caches,
// never for facts.
func Replace(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := renameio.WriteFile(path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// SyncDir flushes a directory, so that names made in it outlive a crash.
func SyncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
