package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// redactor is what knows the private values of a record, and its file; nil for
// one that is redacted already.
func redactor(r *load.Record) (*private.Redactor, []byte, error) {
	keep, err := source.ReadAll(r, private.PrivateFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && r.Redacted():
		return nil, nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fault.New(private.PrivateFile+" is not in this record: what is private in it is not known", "export it where it was made")
	case err != nil:
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	red, err := private.ReadPrivate(keep)
	if err != nil {
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	return red, keep, nil
}

// hide redacts the files of an export that is made from a record as a whole.
func hide(r *load.Record, root string) error {
	red, _, err := redactor(r)
	if err != nil || red == nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := durable.ReadFile(path)
		if err == nil {
			data, err = red.Form(e.Name(), data)
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o644)
		}
		return err
	})
}
