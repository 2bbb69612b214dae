package gc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
)

// youngRun is how long a run directory without an intent may belong to a
// submission that is under way.
const youngRun = 10 * time.Minute

// Root is one GC root of the project.
type Root struct {
	Name string   `json:"name"`
	Path string   `json:"path"` // in the store
	Runs []string `json:"runs"` // that have this environment
	// Kept is why it stays, "" for one that is dropped.
	Kept string `json:"kept,omitempty"`
}

// Roots are the project's roots, sorted by name: of those that only runs that
// are over need, Kept is empty. A root that no run needs was made by nixbatch
// build, and stays. Runs whose state Slurm would have to tell and does not are
// not over.
func Roots(ctx context.Context, p rundir.Project, w status.Watcher, f ledger.About) ([]Root, error) {
	all, err := p.List()
	if err != nil {
		return nil, err
	}
	f.MaxAge = 0
	states, err := status.States(ctx, w, all, f)
	users, busy := map[string][]string{}, map[string]string{}
	for _, s := range states {
		envs, err := envs(s.Run)
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", s.Run.ID, err)
		}
		why := Busy(s, f.Now())
		for _, e := range envs {
			users[e] = append(users[e], s.Run.ID)
			if why != "" && busy[e] == "" {
				busy[e] = "run " + s.Run.ID + " " + why
			}
		}
	}
	entries, rerr := durable.List(filepath.Join(p.Dir, "roots"))
	if rerr != nil {
		return nil, fmt.Errorf("roots: %w", rerr)
	}
	out := []Root{}
	for _, e := range entries {
		target, rerr := os.Readlink(filepath.Join(p.Dir, "roots", e.Name()))
		if errors.Is(rerr, fs.ErrNotExist) || errors.Is(rerr, syscall.EINVAL) {
			continue // dropped at this moment; or no link, and so no root
		}
		if rerr != nil {
			return nil, fmt.Errorf("roots: %w", rerr)
		}
		r := Root{Name: e.Name(), Path: target, Runs: users[target], Kept: busy[target]}
		if len(r.Runs) == 0 {
			r.Runs, r.Kept = []string{}, "no run has it: nixbatch build made it"
		}
		slices.Sort(r.Runs)
		out = append(out, r)
	}
	return out, err
}

// Busy is why a run may still need what it has, in words that go on from its
// name; "" for one that is over.
func Busy(s status.Status, now time.Time) string {
	switch {
	case !s.Whole():
		return "left what cannot be read" // and so what it needs is not known
	case s.NotSubmitted && s.Job.How == "":
		if young(s.Run, now) {
			return "is perhaps being submitted"
		}
	case s.Elsewhere != "":
		return "is on cluster " + s.Cluster() + ", which was not asked"
	case !s.Over() && s.State != "":
		if !s.Job.Local || s.State == "running" {
			return "is " + string(s.State)
		}
		if s.Start == nil && young(s.Run, now) { // else it left no end, and is dead
			return "is perhaps being started"
		}
	}
	return ""
}

// Orphan drops the roots of a run that is going, whose directory is given, and that
// no other run has.
func Orphan(p rundir.Project, gone string) error {
	mine, err := envs(rundir.Run{Dir: gone})
	if err != nil {
		return err
	}
	all, err := p.List()
	if err != nil {
		return err
	}
	for _, r := range all {
		others, err := envs(r)
		if err != nil {
			return nil // it may need any of them
		}
		mine = slices.DeleteFunc(mine, func(e string) bool { return slices.Contains(others, e) })
	}
	if len(mine) == 0 {
		return nil
	}
	entries, err := durable.List(filepath.Join(p.Dir, "roots"))
	if err != nil {
		return fmt.Errorf("roots: %w", err)
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(p.Dir, "roots", e.Name()))
		if err == nil && slices.Contains(mine, target) {
			err = Drop(p, Root{Name: e.Name()})
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EINVAL) {
			return fmt.Errorf("roots: %w", err)
		}
	}
	return nil
}

// young reports whether a run is so new that its process may still be about to
// submit or to start it. One that cannot be looked at is.
func young(r rundir.Run, now time.Time) bool {
	st, err := durable.Stat(r.Dir)
	return err != nil || st != nil && now.Sub(st.ModTime()) < youngRun
}

// envs are the store paths of a run's builds.
func envs(r rundir.Run) (out []string, err error) {
	entries, err := durable.List(filepath.Join(r.Dir, "env"))
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		target, lerr := os.Readlink(filepath.Join(r.Dir, "env", e.Name()))
		if lerr != nil {
			return nil, lerr // a run whose needs are not known needs everything
		}
		out = append(out, target)
	}
	return out, err
}

// Drop removes a root; the store notices by itself.
func Drop(p rundir.Project, r Root) error {
	if err := os.Remove(filepath.Join(p.Dir, "roots", r.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("root %s: %w", r.Name, err)
	}
	return nil
}
