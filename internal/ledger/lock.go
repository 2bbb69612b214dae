package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/rundir"
)

// errBusy says that another process submits this run at the moment.
var errBusy = errors.New("its submission is under way")

// submitLock is held while a run is submitted: by this process, and by every
// sbatch it starts, which inherits it. So it is free only when none of them is
// left, not even one whose nixbatch was killed.
type submitLock struct{ f *os.File }

// lockSubmit takes the lock, or returns errBusy. A file system without locks
// gives one that guards nothing; sure says whether it guards.
func lockSubmit(r rundir.Run) (l submitLock, sure bool, err error) {
	f, err := os.OpenFile(filepath.Join(r.Dir, "submit.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return submitLock{}, false, fmt.Errorf("submit lock: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		f.Close()
		return submitLock{}, false, errBusy
	case err != nil:
		return submitLock{f}, false, nil
	}
	// Children keep it open: see above.
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
		f.Close()
		return submitLock{}, false, fmt.Errorf("submit lock: %w", err)
	}
	return submitLock{f}, true, nil
}

func (l submitLock) release() {
	if l.f != nil {
		l.f.Close()
	}
}
