package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/gc"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
)

// Schema names the JSON of a Report.
const Schema = "nixbatch/clean/v1"

// Report is what a removal did, or would do (Dry).
type Report struct {
	Schema  string  `json:"schema"`
	Removed []Entry `json:"removed"`
	Kept    []Kept  `json:"kept"`
	Bytes   int64   `json:"bytes"` // of what was removed
	Dry     bool    `json:"dry_run"`
}

// Kept is a run that was to go, and why it stays.
type Kept struct {
	Entry
	Why string `json:"why"`
}

// Options says what may go.
type Options struct {
	Outputs bool // also runs that have the only copy of an output
	Unknown bool // also runs of which is not known what became: they do not run
	Dry     bool
}

// Remove removes runs that nobody needs; choose says which of the states that are
// found are meant. projects are all that there are, each once, since a run of any of
// them may need one that is chosen. A Report beside an error is what was done all the same.
func Remove(ctx context.Context, w status.Watcher, projects []rundir.Project, choose func([]status.Status) []status.Status, o Options, p ledger.About) (*Report, error) {
	if !o.Dry {
		release, err := lockAll(ctx, projects)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	var all []rundir.Run
	for _, project := range projects {
		if !o.Dry {
			if err := Clear(project); err != nil {
				return nil, err
			}
		}
		some, err := project.List()
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	p.MaxAge = 0
	states, serr := status.States(ctx, w, all, p)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := needsOf(states, o, p.Now())
	out := &Report{Schema: Schema, Removed: []Entry{}, Kept: []Kept{}, Dry: o.Dry}
	for _, s := range choose(states) {
		e := entryOf(s)
		why, err := n.why(ctx, s.Run, o)
		if err != nil {
			return out, err
		}
		if why != "" {
			out.Kept = append(out.Kept, Kept{e, why})
			continue
		}
		if !o.Dry {
			if err := remove(s.Run); err != nil {
				return out, fmt.Errorf("run %s: %w", s.Run.ID, err)
			}
		}
		out.Removed = append(out.Removed, e)
		out.Bytes += max(e.Bytes, 0)
	}
	newestFirst(out.Removed)
	return out, serr
}

// lockAll keeps anything from being submitted to the projects meanwhile.
func lockAll(ctx context.Context, projects []rundir.Project) (release func(), err error) {
	var locked []func()
	release = func() {
		for _, r := range locked {
			r()
		}
	}
	projects = slices.Clone(projects)
	slices.SortFunc(projects, func(a, b rundir.Project) int { return strings.Compare(a.Dir, b.Dir) }) // all in one order
	for _, p := range projects {
		r, err := p.LockRoots(ctx, true)
		if err != nil {
			release()
			return nil, err
		}
		locked = append(locked, r)
	}
	return release, nil
}

// going is how the name of a run begins that is being removed: no command takes
// it for a run.
const going = ".removed-"

// remove makes a run none, in one step, and then clears away what is left of it.
func remove(r rundir.Run) error {
	gone := filepath.Join(filepath.Dir(r.Dir), going+r.ID)
	if err := os.Rename(r.Dir, gone); err != nil {
		return err
	}
	if err := durable.SyncDir(filepath.Dir(r.Dir)); err != nil {
		return err
	}
	return clearAway(r.Project, gone)
}

// Clear clears away what removals of a project's runs left that were cut short.
// Nothing may be submitted meanwhile: see rundir.Project.LockRoots.
func Clear(p rundir.Project) error {
	entries, err := durable.List(filepath.Join(p.Dir, "runs"))
	if err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), going) {
			if err := clearAway(p, filepath.Join(p.Dir, "runs", e.Name())); err != nil {
				return fmt.Errorf("what is left of run %s: %w", strings.TrimPrefix(e.Name(), going), err)
			}
		}
	}
	return nil
}

// Tidy is Clear while nothing is submitted.
func Tidy(ctx context.Context, p rundir.Project) error {
	if there, err := durable.There(p.Dir); err != nil || !there {
		return err
	}
	release, err := p.LockRoots(ctx, true)
	if err != nil {
		return err
	}
	defer release()
	return Clear(p)
}

// clearAway removes what belonged to a run: the roots that no other run has, the
// note of its seal, and last the directory, which tells what they are.
func clearAway(p rundir.Project, gone string) error {
	if err := gc.Orphan(p, gone); err != nil {
		return err
	}
	note := filepath.Join(p.Dir, "seals", strings.TrimPrefix(filepath.Base(gone), going)+".json")
	if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.RemoveAll(gone)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// A job may leave directories in which nothing can be removed.
	if err := filepath.WalkDir(gone, func(path string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() {
			return os.Chmod(path, 0o700) // before what is in it is listed
		}
		return err
	}); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}
