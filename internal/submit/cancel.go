package submit

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// CancelHere tells the agent of a local run to end. No other process is ever
// told: that it is the agent is shown by the lock that it holds, and by its id
// and the time at which it began, which stand in the locked file.
func CancelHere(r rundir.Run, now time.Time) error {
	agent, err := rundir.Agent(r.AliveFile(0, 0))
	var other *rundir.OtherHostError
	switch {
	case errors.As(err, &other):
		return fault.New("run "+r.ID+" cannot be cancelled from here: "+err.Error(), "nixbatch cancel there, or Ctrl-C where it was submitted")
	case errors.Is(err, fs.ErrNotExist):
		return fault.New("run "+r.ID+" does not run any more", "nixbatch status "+r.ID)
	case err != nil:
		return fault.New(fmt.Sprintf("run %s cannot be cancelled from here: %v", r.ID, err), "press Ctrl-C where it was submitted").Because(err)
	}
	// First, so that whoever sees the end knows of it. An end of its own that comes
	// before the signal counts all the same.
	if err := ledger.CancelledHere(r, now); err != nil {
		return fmt.Errorf("that it is cancelled could not be written down, and nothing was told to end: %w", err)
	}
	if err := agent.Signal(unix.SIGTERM); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fmt.Sprintf("the agent of run %s could not be told to end: %v", r.ID, err), "press Ctrl-C where it was submitted").Because(err)
	}
	return nil
}
