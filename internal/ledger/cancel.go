package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// CancelFile is where the n-th cancelling of a run is written, from 0.
func CancelFile(r rundir.Run, n int) string {
	if n == 0 {
		return filepath.Join(r.Dir, "cancel.json")
	}
	return filepath.Join(r.Dir, fmt.Sprintf("cancel-%d.json", n))
}

// Cancelled writes down that Slurm was told to end jobs of the run: ids as
// scancel takes them. Each call leaves a fact of its own.
func Cancelled(r rundir.Run, ids []string, now time.Time) error {
	return cancelled(r, facts.Cancel{Jobs: ids}, now)
}

// CancelledHere writes down that the agent of a local run is told to end.
func CancelledHere(r rundir.Run, now time.Time) error {
	return cancelled(r, facts.Cancel{Jobs: []string{}, Local: true}, now)
}

func cancelled(r rundir.Run, c facts.Cancel, now time.Time) error {
	c.Schema, c.RunID, c.Time = facts.CancelSchema, r.ID, now.UTC()
	for n := 0; ; n++ {
		if there, err := durable.There(CancelFile(r, n)); err != nil {
			return fmt.Errorf("cancel: %w", err)
		} else if there {
			continue
		}
		if err := durable.Write(CancelFile(r, n), c); !errors.Is(err, durable.ErrExists) {
			return err
		}
	}
}
