package runs

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
)

// ListSchema names the JSON of a List.
const ListSchema = "nixbatch/ls/v1"

// List is runs, the newest first.
type List struct {
	Schema string  `json:"schema"`
	Runs   []Entry `json:"runs"`
	Bytes  int64   `json:"bytes"` // of all of them
}

// Entry is one run.
type Entry struct {
	RunID     string    `json:"run_id"`
	Job       string    `json:"job"` // its name
	Dir       string    `json:"run_dir"`
	Project   string    `json:"project"` // the directory that has it
	JobID     int64     `json:"job_id,omitempty"`
	Local     bool      `json:"local"`
	State     string    `json:"state"` // "not submitted" too
	Submitted time.Time `json:"submitted"`
	// Bytes is what the run alone takes on disk; -1: not known.
	Bytes int64 `json:"bytes"`
}

// ListAll lists runs with their states. A List beside an error is what files tell:
// Slurm could not be asked.
func ListAll(ctx context.Context, w status.Watcher, all []rundir.Run, p ledger.About) (*List, []status.Status, error) {
	states, serr := status.States(ctx, w, all, p)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	out := &List{Schema: ListSchema, Runs: []Entry{}}
	for _, s := range states {
		e := entryOf(s)
		out.Runs = append(out.Runs, e)
		out.Bytes += max(e.Bytes, 0)
	}
	newestFirst(out.Runs)
	return out, states, serr
}

// newestFirst sorts; within a second the order of a project's list stays, which has
// more than ids to tell by.
func newestFirst(entries []Entry) {
	slices.SortStableFunc(entries, func(a, b Entry) int { return b.Submitted.Compare(a.Submitted) })
}

func entryOf(s status.Status) Entry {
	e := Entry{RunID: s.Run.ID, Job: s.Run.Name(), Dir: s.Run.Dir, Project: filepath.Dir(s.Run.Project.Dir), JobID: s.JobID(), Local: s.Job.Local,
		State: string(s.State), Submitted: s.Run.Time(), Bytes: size(s.Run.Dir)}
	if s.NotSubmitted {
		e.State = "not submitted"
	}
	return e
}

// size is what a run directory alone takes on disk, in bytes (st_blocks, stat(2));
// what it shares with other runs is not counted. -1 where it cannot be read.
func size(dir string) int64 {
	var sum int64
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil {
			err = unix.Lstat(path, &st)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went at this moment
		}
		if err != nil {
			return err
		}
		// A kept file has a second name in the project, which the next gc removes.
		alone := uint64(1)
		if filepath.Base(filepath.Dir(path)) == facts.KeptDir {
			alone = 2
		}
		if e.IsDir() || uint64(st.Nlink) <= alone {
			sum += st.Blocks * 512
		}
		return nil
	})
	if err != nil {
		return -1
	}
	return sum
}
