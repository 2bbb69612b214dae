package rundir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/fault"
)

// LockRoots keeps the roots as they are (alone: changes them) until release is
// called. A file system without locks guards nothing.
func (p Project) LockRoots(ctx context.Context, alone bool) (release func(), err error) {
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	return p.lock(ctx, ".roots", how)
}

// LockName lets one process at a time submit jobs of a name, so that two of
// them see each other's runs. release gives it back. A file system without locks
// guards nothing.
func (p Project) LockName(ctx context.Context, name string) (release func(), err error) {
	return p.lock(ctx, name, unix.LOCK_EX)
}

// LockSeal lets one process at a time seal runs. release gives it back. A file
// system without locks guards nothing.
func (p Project) LockSeal(ctx context.Context) (release func(), err error) {
	return p.lock(ctx, ".seal", unix.LOCK_EX)
}

func (p Project) lock(ctx context.Context, name string, how int) (release func(), err error) {
	dir := filepath.Join(p.Dir, "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.New(fmt.Sprintf("the project directory cannot be made: %v", err), "work in a directory that you can write to").Because(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, strings.ReplaceAll(name, "/", "_")), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
