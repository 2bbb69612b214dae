package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// full reports whether an error says that a disk, or what a user may have of it,
// is used up.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// writeEnd writes the end down, on a full disk too: the agent keeps a little of
// the disk for that.
func (a *Agent) writeEnd(end facts.End) {
	file := a.Run.EndFile(a.task, a.attempt)
	err := durable.Write(file, end)
	if full(err) {
		rundir.GiveReserve(a.alive)
		err = durable.Write(file, end)
	}
	if err != nil {
		fmt.Fprintf(a.Stderr, "nixbatch: the end could not be written down: %v\n", err)
	}
}

// probeSize is what has to fit on a disk that is not called full, in bytes.
const probeSize = 16 << 10

// diskFull is why a payload failed where one of the disks that it writes to is
// full when it ends; "" where none is. That is tried, since quotas are not seen
// otherwise.
func (a *Agent) diskFull(code int) string {
	for _, d := range []struct{ dir, what string }{
		{".", "the job's directory"}, {a.dir, a.what()},
		{filepath.Dir(a.Run.LogFile(a.task)), "the log"},
	} {
		if d.dir == "" {
			continue
		}
		if err := probeDisk(d.dir); full(err) {
			return fmt.Sprintf("exit code %d, and the disk of %s was full", code, d.what)
		}
	}
	return ""
}

// what is a task's own directory in a sentence.
func (a *Agent) what() string {
	if a.plan.Scratch != nil {
		return "the scratch directory"
	}
	return "the task's directory"
}

func probeDisk(dir string) error {
	f, err := os.CreateTemp(dir, ".nixbatch-probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err = f.Write(make([]byte, probeSize)); err == nil {
		err = f.Sync() // some file systems tell only then
	}
	return err
}
