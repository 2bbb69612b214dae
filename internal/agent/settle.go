package agent

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nixbatch/nixbatch/internal/digest"
)

// settle makes the task's HOME, which every node of the job sees, and its TMPDIR.
func (a *Agent) settle() error {
	p := &a.start.Priv
	p.Home, p.TmpDir = a.Getenv("HOME"), a.Getenv("TMPDIR")
	if a.plan.Home != "own" { // or of an older nixbatch
		return nil
	}
	p.Home = a.Run.HomeDir(a.task)
	if err := os.MkdirAll(p.Home, 0o700); err != nil {
		return fmt.Errorf("the task's home: %w", err)
	}
	if a.number("SLURM_JOB_NUM_NODES") > 1 {
		return nil // the other nodes do not see it
	}
	for _, base := range []string{p.TmpDir, os.TempDir(), "/tmp"} {
		if !filepath.IsAbs(base) {
			continue
		}
		// Short, as names of sockets are made of it; the same for every attempt, so
		// that the next one removes what one that was killed left there.
		dir := filepath.Join(base, "nixbatch-"+digest.Bytes([]byte(a.name()))[:16])
		if mine(dir) == nil && os.RemoveAll(dir) == nil && os.Mkdir(dir, 0o700) == nil {
			a.temp, p.TmpDir = dir, dir
			return nil
		}
	}
	a.start.Notes = append(a.start.Notes, "TMPDIR is not the task's own: none could be made")
	return nil
}

// unsettle removes the task's TMPDIR.
func (a *Agent) unsettle() {
	if a.temp != "" {
		_ = os.RemoveAll(a.temp) // what somebody made unremovable stays
	}
}
