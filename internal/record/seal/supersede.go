package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// supersededDir keeps the seals that a later one superseded.
const supersededDir = "seals"

// Sealed reports whether a run directory has a seal that covers all that is in
// it. A run that went on after it was sealed (a retry, a requeue) is not. deep
// counts what the tasks left, too; without it a retry alone is seen.
func Sealed(dir string, deep bool) bool {
	if _, err := os.Lstat(filepath.Join(dir, SealFile)); err != nil {
		return false
	}
	src, err := source.Open(dir)
	if err != nil {
		return false
	}
	defer src.Close()
	s, err := Read(src)
	if err != nil {
		return true // a broken seal is for verifying to tell of
	}
	facts, err := FactFiles(dir)
	if err != nil {
		return true
	}
	for _, name := range facts {
		if !slices.ContainsFunc(s.Facts, func(f SealedFact) bool { return f.Path == name }) {
			return false
		}
	}
	if !deep {
		return true
	}
	n := 0
	err = TaskFiles(dir, func(string) error { n++; return nil })
	return err != nil || n <= s.Tasks.Count
}

// Supersede puts the seal of a run that went on aside, with what belongs to it,
// so that another can be made, which names it.
func Supersede(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, SealFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	old, err := numbered(filepath.Join(dir, supersededDir), "", "")
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	to := filepath.Join(dir, supersededDir, strconv.Itoa(len(old)+1))
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	// The seal goes last: until then it is clear what there is.
	for _, name := range []string{facts.ResultFile, facts.AccountingFile, private.PrivateFile, TasksFile, SignatureFile, SealFile} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(to, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("seal: %w", err)
		}
	}
	return durable.SyncDir(dir)
}

// lastSuperseded is the ID of the seal that was put aside last, "" if none was.
func lastSuperseded(dir string) (string, error) {
	old, err := numbered(filepath.Join(dir, supersededDir), "", "")
	if err != nil || len(old) == 0 {
		return "", err
	}
	var s Seal
	err = durable.Read(filepath.Join(dir, supersededDir, strconv.Itoa(old[len(old)-1]), SealFile), &s)
	return s.ID, err
}
