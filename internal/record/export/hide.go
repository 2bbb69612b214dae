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

// redactor is what knows the private values of a record; nil for one that is
// redacted already.
func redactor(r *load.Record) (*private.Redactor, error) {
	keep, err := source.ReadAll(r, private.PrivateFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && r.Redacted():
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(private.PrivateFile+" is not in this record: what is private in it is not known", "redact it where it was made")
	case err != nil:
		return nil, fmt.Errorf("export: %w", err)
	}
	red, err := private.ReadPrivate(keep)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return red, nil
}

// key is what a full export of a record can be checked with; nil for one that is
// redacted already.
func key(r *load.Record) (*private.Key, error) {
	data, err := source.ReadAll(r, private.KeyFile)
	if err == nil {
		var k *private.Key
		if k, err = private.ReadKey(data); err == nil {
			return k, nil
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("export: %w", err)
	}
	red, err := redactor(r)
	if err != nil || red == nil {
		return nil, err
	}
	return red.Key(), nil
}

// keys finds what the export is redacted with, or can be checked with. What
// could undo the redaction of another export of the run goes into none.
func (b *bundler) keys() (err error) {
	if b.o.Redact {
		b.form, err = redactor(b.Record)
		if b.form != nil && !b.form.HidesEnv() && len(b.Plan.Env) > 0 {
			return fault.New("run "+b.RunID+" was sealed when the values of env: were not yet private, and cannot be redacted", "export it in full, to those who may see them")
		}
		return err
	}
	if b.key, err = key(b.Record); err != nil || b.key == nil || b.Seal.Key == "" {
		return err
	}
	data, err := b.key.Bytes()
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return b.put(private.KeyFile, data)
}

// hide redacts the files of an export that is made from a record as a whole.
func hide(r *load.Record, root string) error {
	red, err := redactor(r)
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
