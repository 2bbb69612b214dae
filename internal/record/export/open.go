package export

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
)

const cannotBeHad = "it cannot be had any more"

// open opens an input or an output, or says why it does not go into an export.
// Nothing of nixbatch's own goes there, which may be of other runs; nor an
// output that is read through a symbolic link from somewhere else: the job, or
// anybody who may write to its directory, may have put the link there.
func (b *bundler) open(role string, f facts.File) (in io.ReadCloser, absent string) {
	path := f.Path
	if own(path) {
		return nil, "left out: it is a file of nixbatch"
	}
	if f.Kept && b.Contents == nil {
		if in, err := b.File(role, f); err == nil {
			return in, ""
		}
	}
	if b.WorkDir() == "" {
		in, err := b.Data(role, path)
		if err != nil {
			return nil, cannotBeHad
		}
		return in, ""
	}
	// A path that climbs out as it was written was meant to.
	base, rest := climbed(b.WorkDir(), path)
	base, err := filepath.EvalSymlinks(base)
	if err != nil {
		return nil, cannotBeHad
	}
	file, err := filepath.EvalSymlinks(filepath.Join(base, rest))
	if err != nil {
		return nil, cannotBeHad
	}
	rel, err := filepath.Rel(base, file)
	if err != nil {
		return nil, cannotBeHad
	}
	if role == "output" && !filepath.IsLocal(rel) {
		return nil, "left out: a symbolic link in its path leads out of the directory of the job"
	}
	if own(rel) {
		return nil, "left out: it is a file of nixbatch"
	}
	if role != "output" {
		if in, err = b.Data(role, path); err != nil {
			return nil, cannotBeHad
		}
		return in, ""
	}
	if in, err = openBelow(base, rel); err != nil {
		return nil, cannotBeHad
	}
	return in, ""
}

// own reports whether a path leads into the directory of a project.
func own(path string) bool {
	return slices.Contains(strings.Split(filepath.ToSlash(path), "/"), ".nixbatch")
}

// climbed is the directory that a path is below of, and the rest of the path.
func climbed(dir, path string) (base, rest string) {
	if filepath.IsAbs(path) {
		return "/", strings.TrimLeft(filepath.Clean(path), "/")
	}
	rest = filepath.Clean(path)
	for rest == ".." || strings.HasPrefix(rest, "../") {
		dir, rest = filepath.Dir(dir), strings.TrimPrefix(strings.TrimPrefix(rest, ".."), "/")
	}
	return dir, rest
}

// openBelow opens a regular file without leaving the directory, even if a link
// is put in its way meanwhile.
func openBelow(dir, name string) (io.ReadCloser, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// Looked at before it is opened: opening a FIFO would wait for its writer.
	if st, err := root.Stat(name); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return root.Open(name)
}
