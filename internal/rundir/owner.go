package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/fault"
)

// trusted reports whether a .nixbatch directory may be used: what lies in it is
// run as this user. It is nil for a directory of this user's own that nobody
// else may write to, reached by no link of somebody else's.
func trusted(dir string) error {
	link, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	me := uint32(os.Geteuid())
	others := func(of fs.FileInfo) error {
		return fault.New(fmt.Sprintf("%s belongs to another user (uid %d): what is in it would run as you", dir, owner(of)),
			"work in a directory of your own")
	}
	if owner(link) != me {
		return others(link) // wherever it leads
	}
	st, err := os.Stat(dir)
	if err != nil {
		return err
	}
	switch {
	case !st.IsDir():
		return fault.New(fmt.Sprintf("%s is not a directory", dir), "move it out of the way")
	case owner(st) != me:
		return others(st)
	case st.Mode().Perm()&0o022 != 0:
		return fault.New(fmt.Sprintf("others may write to %s: what is in it would run as you", dir),
			"look at what is in it, then chmod 700 "+dir)
	}
	return nil
}

// mine is trusted for a directory somewhere above: one that is not, or that this
// user may not look for, is passed over, as it is nobody's business here. One that
// could be and cannot be looked at is an error.
func mine(dir string) (bool, error) {
	err := trusted(filepath.Clean(dir))
	var told *fault.Error
	if errors.As(err, &told) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	return err == nil, err
}

func owner(st os.FileInfo) uint32 {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return s.Uid
	}
	return ^uint32(0)
}

// Own reports whether a path is a run's directory in a project of this user's
// own: PROJECT/.nixbatch/runs/ID, not a link.
func Own(path, id string) bool {
	abs, err := filepath.Abs(path)
	if err != nil || id == "" || filepath.Base(abs) != id {
		return false
	}
	if st, err := os.Lstat(abs); err != nil || !st.IsDir() || owner(st) != uint32(os.Geteuid()) {
		return false
	}
	runs := filepath.Dir(abs)
	project := filepath.Dir(runs)
	if filepath.Base(runs) != "runs" || filepath.Base(project) != DirName {
		return false
	}
	ok, err := mine(project)
	return ok && err == nil // what is not known to be so is not trusted
}

// Holds reports whether a directory is, or lies below, the one that has the
// project of a run's directory: where job files of the project are.
func Holds(path, dir string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	base, err := filepath.EvalSymlinks(filepath.Dir(filepath.Dir(filepath.Dir(abs))))
	if err != nil {
		return false
	}
	real, err := filepath.EvalSymlinks(dir)
	return err == nil && (real == base || strings.HasPrefix(real, strings.TrimSuffix(base, "/")+"/"))
}
