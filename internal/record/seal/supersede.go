package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// supersededDir keeps the seals that a later one superseded, each with what was
// made with it, in a directory named by its number from 1.
const supersededDir = "seals"

// retriedDir is where retries once put a seal, in superseded-0 and so on: such
// directories are read, and no more are made.
const retriedDir = "superseded-"

// Sealed reports whether a run directory has a seal that covers all that is in
// it. A run that went on after it was sealed (a retry, a requeue) is not. deep
// counts what the tasks left, too; without it a retry alone is seen.
func Sealed(dir string, deep bool) bool {
	src, err := source.Open(dir)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer src.Close()
	s, err := Read(src)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		return true // it is there, and broken: verifying tells
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
	if there, err := durable.There(filepath.Join(dir, SealFile)); err != nil {
		return fmt.Errorf("seal: %w", err)
	} else if !there {
		return nil
	}
	old, err := numbered(filepath.Join(dir, supersededDir), "", "")
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	n := 1
	if len(old) > 0 {
		n = old[len(old)-1] + 1
	}
	to := filepath.Join(dir, supersededDir, strconv.Itoa(n))
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

// Kept are the seals of a record that later ones superseded, by their IDs. One
// that is not as it was made is an error.
func Kept(src source.Source) (map[string]*Seal, error) {
	out := map[string]*Seal{}
	names, err := src.List(supersededDir)
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		more, err := src.List(retriedDir + strconv.Itoa(n))
		if err != nil {
			return nil, err
		}
		if len(more) == 0 {
			break
		}
		names = append(names, more...)
	}
	for _, name := range names {
		if path.Base(name) != SealFile {
			continue
		}
		s, err := read(src, name)
		if err != nil {
			return nil, err
		}
		out[s.ID] = s
	}
	return out, nil
}

// Chain are the seals before s, the latest first, up to one that supersedes
// none. An error says where the chain is broken.
func Chain(src source.Source, s *Seal) (out []*Seal, err error) {
	if s.Supersedes == "" {
		return nil, nil
	}
	kept, err := Kept(src)
	if err != nil {
		return nil, err
	}
	for id := s.Supersedes; id != ""; id = out[len(out)-1].Supersedes {
		before, ok := kept[id]
		if !ok || len(out) > len(kept) {
			return nil, fmt.Errorf("the seal %s… that it supersedes is not in %s", id[:min(16, len(id))], supersededDir)
		}
		out = append(out, before)
	}
	return out, nil
}

// lastSuperseded is the ID of the seal that was put aside last, "" if none was.
func lastSuperseded(dir string) (string, error) {
	src, err := source.Open(dir)
	if err != nil {
		return "", err
	}
	defer src.Close()
	kept, err := Kept(src)
	if err != nil {
		return "", err
	}
	id, last := "", time.Time{}
	for _, s := range kept {
		// What another kept one names is not the last, whatever the clock said.
		named := false
		for _, other := range kept {
			named = named || other.Supersedes == s.ID
		}
		if !named && (id == "" || s.Time.After(last)) {
			id, last = s.ID, s.Time
		}
	}
	return id, nil
}
