package stage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
)

// Back puts outputs back beside the job file.
type Back struct {
	Dir  string // where the task worked
	To   string // the job's directory
	Kept string // the run's kept files
	Name string // of who puts back: what is half written has it in its name
	Move bool   // what is not kept and cannot be cloned may leave the task's directory
}

// Files puts described files back, each whole and on disk or not at all, and
// returns those that could not be, with the reason; they are where they were.
func (b Back) Files(files []facts.File) (failed []facts.File) {
	for _, f := range files {
		if f.SHA256 != "" || f.Why() == facts.SkipLarge { // else it is not there, or no file
			failed = append(failed, b.one(f)...)
		}
	}
	return failed
}

// Names is Files for names alone.
func (b Back) Names(names []string) (failed []facts.File) {
	for _, n := range names {
		failed = append(failed, b.one(facts.File{Path: n})...)
	}
	return failed
}

func (b Back) one(f facts.File) []facts.File {
	if err := b.put(f); err != nil {
		return []facts.File{{Path: f.Path, Skipped: durable.Reason(err).Error(), Skip: facts.SkipUnreadable}}
	}
	return nil
}

func (b Back) put(f facts.File) error {
	from, to := filepath.Join(b.Dir, f.Path), filepath.Join(b.To, f.Path)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	st, err := durable.Stat(from)
	if err == nil && st == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	source, mode := from, st.Mode().Perm()
	if f.Kept {
		source = In(b.Kept, f.SHA256) // nobody can write to it any more
	}
	tmp := filepath.Join(filepath.Dir(to), ".nixbatch-"+digest.Bytes([]byte(b.Name + "/" + f.Path))[:16])
	err = transfer(source, tmp, mode, b.Move && !f.Kept)
	if errors.Is(err, errMove) || full(err) {
		os.Remove(tmp)
		// Also of a full disk: another name takes nothing.
		if moved(from, to) == nil {
			return nil
		}
		if errors.Is(err, errMove) { // from one file system to another
			err = transfer(source, tmp, mode, false)
		}
	}
	if err == nil {
		err = replace(tmp, to)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// errMove is a file that cannot be cloned, and is not to be copied.
var errMove = errors.New("it would have to be copied")

// transfer makes a file of the same contents on disk. Whatever an earlier one left
// there is replaced. Where only a clone is wanted and none is to be had it is
// errMove.
func transfer(from, tmp string, mode fs.FileMode, cloneOnly bool) error {
	in, err := durable.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if !clone(out, in) {
		if err = errMove; !cloneOnly {
			_, err = io.Copy(out, in)
		}
	}
	for _, step := range []func() error{func() error { return out.Chmod(mode | 0o600) }, out.Sync, out.Close} {
		if serr := step(); err == nil {
			err = serr
		}
	}
	return err
}

// replace gives a file its name, whatever has it.
func replace(tmp, to string) error {
	if err := os.Rename(tmp, to); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(to))
}

// moved renames a file, once it is on disk.
func moved(from, to string) error {
	f, err := durable.Open(from)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return replace(from, to)
}

// Outputs describes every file below dir that one of the patterns names, and keeps
// what is in it; a plain name that no file has is said to be missing. Beside an
// error are those that could be.
func (k Keeper) Outputs(dir string, patterns []string, limit int64) ([]facts.File, error) {
	out, names := []facts.File{}, []string{}
	place := map[string]int{} // of a name in out
	excludes := slices.DeleteFunc(slices.Clone(patterns), func(p string) bool { _, is := Out(p); return !is })
	for _, p := range patterns {
		found := Match(dir, append([]string{p}, excludes...), func(p string) {
			out = append(out, facts.File{Path: p, Skipped: "no such file", Skip: facts.SkipMissing})
		}, func(p string, err error) {
			out = append(out, facts.File{Path: p, Skipped: digest.Reason(err), Skip: facts.SkipUnreadable})
		})
		for _, n := range found {
			if _, twice := place[n]; !twice {
				place[n] = len(out)
				out, names = append(out, facts.File{Path: n}), append(names, n)
			}
		}
	}
	files, err := k.All(names, func(n string) string { return filepath.Join(dir, n) }, limit)
	for i, n := range names {
		out[place[n]] = files[i]
	}
	return out, err
}
