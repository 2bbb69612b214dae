package durable

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Rewrite puts another fact in the place of one, atomically and flushed: for a
// correction that is itself written down as a fact of its own, and so is the same
// whoever makes it.
func Rewrite(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("record %s: %w", filepath.Base(path), err)
	}
	if err := renameio.WriteFile(path, append(data, '\n'), 0o444, renameio.WithStaticPermissions(0o444)); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return SyncDir(filepath.Dir(path))
}
