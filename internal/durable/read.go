package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Read reads a fact written by Write into v. A missing file is fs.ErrNotExist.
func Read(path string, v any) error {
	data, err := ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read %s: not a whole record: %w", filepath.Base(path), err)
	}
	return nil
}

// ReadIf is Read of a fact that need not be there: there says whether it is. One
// that is there and cannot be read is an error, which names the file.
func ReadIf(path string, v any) (there bool, err error) {
	if err = Read(path, v); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return true, err
}

// There reports whether a name is there; a link is not followed. That this
// cannot be told is an error, which names the file.
func There(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Stat is what a name stands for, links followed; nil where nothing has it.
// That this cannot be told is an error, which names the file.
func Stat(path string) (fs.FileInfo, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return st, err
}

// List is what is in a directory, sorted by name; nothing where there is no such
// directory. One that cannot be read is an error, which names it.
func List(dir string) ([]fs.DirEntry, error) {
	all, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}
