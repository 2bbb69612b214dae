package gc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/stage"
	"github.com/nixbatch/nixbatch/internal/status"
)

// Schema is the name of the JSON of a Report.
const Schema = "nixbatch/gc/v1"

// Report is what a collection did, or would do (Dry).
type Report struct {
	Schema  string `json:"schema"`
	Dropped []Root `json:"dropped"`
	Kept    []Root `json:"kept"`
	// Bytes is what only the dropped ones needed of this project; -1: not known.
	Bytes int64 `json:"bytes"`
	Dry   bool  `json:"dry_run"`
	// Files is how many kept files no run needs any more, FileBytes their size.
	Files     int   `json:"files"`
	FileBytes int64 `json:"file_bytes"`
}

// Collect drops the roots that nobody needs; dry drops nothing. A Report beside
// an error is what was done all the same: Slurm could not be asked about a run.
func Collect(ctx context.Context, p rundir.Project, w status.Watcher, n *nix.Nix, f ledger.About, dry bool) (*Report, error) {
	if there, err := durable.There(p.Dir); err != nil {
		return nil, err
	} else if !there {
		return nil, fault.New("there is nothing to collect here: no "+rundir.DirName, "go to a directory from which jobs were submitted")
	}
	release, err := p.LockRoots(ctx, true)
	if err != nil {
		return nil, err
	}
	defer release()
	roots, serr := Roots(ctx, p, w, f)
	if roots == nil {
		return nil, serr // the project cannot be read
	}
	out := &Report{Schema: Schema, Dropped: []Root{}, Kept: []Root{}, Dry: dry}
	for _, r := range roots {
		if r.Kept == "" {
			out.Dropped = append(out.Dropped, r)
		} else {
			out.Kept = append(out.Kept, r)
		}
	}
	out.Bytes = freed(ctx, n, out)
	files, size, err := stage.Unneeded(p.Kept())
	if err != nil {
		return nil, fmt.Errorf("kept files: %w", err)
	}
	out.Files, out.FileBytes = len(files), size
	if !dry {
		for _, r := range out.Dropped {
			if err := Drop(p, r); err != nil {
				return nil, err
			}
		}
		for _, f := range files {
			if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("kept files: %w", err)
			}
		}
	}
	return out, serr
}

// freed is the size in bytes of what the dropped roots alone keep.
func freed(ctx context.Context, n *nix.Nix, g *Report) int64 {
	need := map[string]bool{}
	for _, r := range g.Kept {
		paths, err := n.Closure(ctx, r.Path)
		if err != nil {
			return -1
		}
		for _, x := range paths {
			need[x.Path] = true
		}
	}
	var sum int64
	for _, r := range g.Dropped {
		if there, err := durable.There(r.Path); err != nil {
			return -1
		} else if !there {
			continue // collected already
		}
		paths, err := n.Closure(ctx, r.Path)
		if err != nil {
			return -1
		}
		for _, x := range paths {
			if !need[x.Path] {
				need[x.Path] = true
				sum += x.NarSize
			}
		}
	}
	return sum
}
