package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// marker is the file that makes a directory a cluster's: without it nothing is
// ever removed.
const marker = ".nixbatch-testbed"

// makeDir makes the cluster's directory and returns it with a lock that keeps
// a second Start out while the first is under way.
func makeDir(dir string) (string, *os.File, error) {
	made := dir == ""
	if made {
		tmp, err := os.MkdirTemp("", "nbt-")
		if err == nil && len(tmp) > MaxDir {
			os.Remove(tmp)
			tmp, err = os.MkdirTemp("/tmp", "nbt-")
		}
		if err != nil {
			return "", nil, fmt.Errorf("cluster directory: %w", err)
		}
		dir = tmp
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, err
	}
	// Slurm's configuration has no way to quote a path.
	if strings.ContainsAny(dir, " \t\n#%\\\"',=") {
		return "", nil, fmt.Errorf("cluster directory %s: slurm.conf cannot hold this path", proc.Quote(dir))
	}
	if len(dir) > MaxDir {
		return "", nil, fmt.Errorf("cluster directory %s: the path is %d bytes long, sockets below it allow %d", dir, len(dir), MaxDir)
	}
	if err := os.Mkdir(dir, 0o700); err == nil {
		made = true
	} else if !errors.Is(err, fs.ErrExist) {
		return "", nil, fmt.Errorf("cluster directory: %w", err)
	}
	if err := checkOwner(dir); err != nil {
		return "", nil, err
	}
	if made {
		// The umask may have been wider or narrower than what munged accepts.
		if err := os.Chmod(dir, 0o700); err != nil {
			return "", nil, fmt.Errorf("cluster directory: %w", err)
		}
	}
	lock, err := lockDir(dir)
	if err != nil {
		return "", nil, err
	}
	if ents, err := os.ReadDir(dir); err != nil || len(ents) > 0 {
		lock.Close()
		return "", nil, errors.Join(err, fmt.Errorf("cluster directory %s is not empty", dir))
	}
	return dir, lock, nil
}

// lockDir locks a directory against another Start; closing the file unlocks.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("cluster directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("a cluster is just being started in %s (%w)", dir, err)
	}
	return f, nil
}

// checkOwner refuses a directory that another user could have prepared: the
// default one has a name that can be guessed, in a place all may write to.
func checkOwner(dir string) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("cluster directory: %w", err)
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !st.IsDir() || !ok || int(sys.Uid) != os.Geteuid() || st.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("cluster directory %s: not a directory that only its owner, this user, can write to", proc.Quote(dir))
	}
	return nil
}

// removeDir removes a tree, and what was made read-only in it.
func removeDir(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(p, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
