package stage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
)

// Nothing is the Below of a Keeper that only hashes.
const Nothing = -1

// alone is for how long files are worked on one after the other, which is quickest
// for a few small ones on a disk of the machine; together how many are after that:
// a flush, or a call over the network, is a wait that several can share.
const (
	alone    = 5 * time.Millisecond
	together = 16
)

// each does something for 0 to n-1, to the first error.
func each(n int, do func(i int) error) error {
	began := time.Now()
	for i := range n {
		if time.Since(began) > alone {
			var g errgroup.Group
			g.SetLimit(together)
			for j := i; j < n; j++ {
				g.Go(func() error { return do(j) })
			}
			return g.Wait()
		}
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}

// Keeper keeps files for a run. All runs of a project share what is the same.
type Keeper struct {
	Shared string // directory: what any run of the project keeps, by content
	Run    string // directory: the run's own names for it
	Below  int64  // bytes: what is larger is kept only where it can be cloned; or Nothing
	// Flush has what is kept on disk before Keep returns. Of inputs each task looks
	// whether they still are what was submitted; of outputs nobody would make them
	// again.
	Flush bool
}

// In is where a run's own directory has a file of that content.
func In(run, sum string) string { return filepath.Join(run, sum) }

func (k Keeper) shared(sum string) string { return filepath.Join(k.Shared, sum[:2], sum) }

// tries is how often a file is read again that is being written to.
const tries = 3

// Keep hashes the file at path, described under the name given, and keeps what is
// in it unless the name is absolute: such a file stays where it is. That it is kept stands in Kept; without an error it is not for its size,
// for having no hash (Skipped), or because the disk is full.
func (k Keeper) Keep(name, path string, limit int64) (facts.File, error) {
	f := digest.File(name, path, limit)
	for range tries {
		if f.SHA256 == "" || k.Below == Nothing || filepath.IsAbs(name) {
			return f, nil
		}
		kept, sum, err := k.hold(path, f)
		switch {
		case err != nil && full(err):
			return f, nil
		case err != nil:
			return f, fmt.Errorf("%s could not be kept: %w", name, err)
		case sum == f.SHA256:
			f.Kept = kept
			return f, nil
		}
		f = digest.File(name, path, limit) // it was changed meanwhile
	}
	f.Size, f.SHA256, f.Skipped, f.Skip = 0, "", "it changes while it is read", facts.SkipUnreadable
	return f, nil
}

// All is Keep for several files; a name's file is found by path.
func (k Keeper) All(names []string, path func(name string) string, limit int64) ([]facts.File, error) {
	out := make([]facts.File, len(names))
	err := each(len(names), func(i int) (err error) {
		out[i], err = k.Keep(names[i], path(names[i]), limit)
		return err
	})
	return out, err
}

// hold keeps a file of a known hash, and returns the hash that the copy has.
func (k Keeper) hold(path string, f facts.File) (kept bool, sum string, err error) {
	own := In(k.Run, f.SHA256)
	if there, err := durable.There(own); err != nil || there {
		return there, f.SHA256, err
	}
	// The run's name comes first and the shared one second, so that nothing which
	// is removed from what is shared is missed by a run.
	if k.sharedWhole(f) {
		switch err := os.Link(k.shared(f.SHA256), own); {
		case err == nil, errors.Is(err, fs.ErrExist):
			return true, f.SHA256, nil
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.EMLINK):
			return false, "", err
		}
	}
	tmp, sum, err := k.copied(path, f)
	if err != nil || tmp == "" {
		return false, f.SHA256, err
	}
	defer os.Remove(tmp)
	if sum != f.SHA256 {
		return false, sum, nil
	}
	if err := os.Link(tmp, own); err != nil && !errors.Is(err, fs.ErrExist) {
		return false, "", err
	}
	// For others: what cannot be shared is kept all the same.
	if os.MkdirAll(filepath.Dir(k.shared(sum)), 0o700) == nil {
		_ = os.Link(own, k.shared(sum))
	}
	return true, sum, nil
}

// sharedWhole reports whether what is shared under a hash has that hash. What has
// not, after a crash or by somebody's hand, is removed; who has it keeps it.
func (k Keeper) sharedWhole(f facts.File) bool {
	got := digest.File("", k.shared(f.SHA256), digest.HashLimit)
	if got.SHA256 != "" && got.SHA256 != f.SHA256 {
		os.Remove(k.shared(f.SHA256))
	}
	return got.SHA256 == f.SHA256
}

// copied is a whole copy, under a temporary name, "" for one that would be
// too large.
func (k Keeper) copied(path string, f facts.File) (tmp, sum string, err error) {
	in, err := durable.Open(path)
	if err != nil {
		return "", "", err
	}
	defer in.Close()
	out, err := os.CreateTemp(k.Run, ".new-*")
	if err != nil {
		return "", "", err
	}
	ok := false
	defer func() {
		out.Close()
		if !ok {
			os.Remove(out.Name())
		}
	}()
	h := sha256.New()
	switch {
	case clone(out, in):
		_, err = io.Copy(h, out)
	case f.Size > k.Below:
		return "", f.SHA256, nil
	default:
		_, err = io.Copy(io.MultiWriter(out, h), in)
	}
	if serr := out.Chmod(0o444); err == nil {
		err = serr
	}
	if err == nil && k.Flush {
		err = out.Sync()
	}
	if err != nil {
		return "", "", err
	}
	ok = true
	return out.Name(), hex.EncodeToString(h.Sum(nil)), nil
}

// clone makes an empty file share its blocks with another until one of them is
// written to (ioctl_ficlone(2)); false where the file system has no such thing.
func clone(to, from *os.File) bool {
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil
}

// full reports whether an error says that a disk, or what a user may have of it,
// is used up.
func full(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// Unneeded are the shared files that no run has a name for, with what they take
// in bytes. Nothing may be kept meanwhile by a submission; a job that keeps the
// same file at this moment makes a copy of its own.
func Unneeded(shared string) (files []string, size int64, err error) {
	dirs, err := durable.List(shared)
	if err != nil {
		return nil, 0, err
	}
	for _, d := range dirs {
		entries, err := durable.List(filepath.Join(shared, d.Name()))
		if err != nil {
			return nil, 0, err
		}
		for _, e := range entries {
			st, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, 0, err
			}
			var raw unix.Stat_t
			name := filepath.Join(shared, d.Name(), e.Name())
			if st.Mode().IsRegular() && unix.Lstat(name, &raw) == nil && raw.Nlink == 1 {
				files, size = append(files, name), size+st.Size()
			}
		}
	}
	return files, size, nil
}
