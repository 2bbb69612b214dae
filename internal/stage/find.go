package stage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
)

// own is the directory of nixbatch itself, which is nobody's input or output.
const own = ".nixbatch"

// mostFiles is how many files the inputs of a run may be: each has its hash in
// the record of every task that reads it.
const mostFiles = 100_000

// Found is what names of inputs stand for.
type Found struct {
	Base    string          // what relative names begin at
	Exclude []string        // names that begin with !
	Files   map[string]File // by their paths: as named, cleaned
	Dirs    []string        // directories of named directories, these among them
	Trees   []string        // named directories
	Later   []string        // files that an earlier job makes
}

// File is a file as it was found.
type File struct {
	Size int64
	Exec bool
}

// Out is whether a name excludes what the others stand for, and the pattern.
func Out(name string) (pattern string, excludes bool) { return strings.CutPrefix(name, "!") }

// IsPattern reports whether a name may stand for other names than itself.
func IsPattern(name string) bool { return strings.ContainsAny(name, `*?[{\`) }

// within reports whether a pattern names a file, or a directory that it is in.
func within(pattern, name string) bool {
	for n := name; n != "." && n != "/"; n = path.Dir(n) {
		if ok, _ := doublestar.Match(pattern, n); ok || path.Clean(pattern) == n {
			return true
		}
	}
	return false
}

func at(base, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(base, name)
}

// Add looks for an input: a file, a directory with all that is in it, or a
// pattern. may says that it need not be there.
func (f *Found) Add(name string, may bool) error {
	clean := path.Clean(name)
	st, err := durable.Stat(at(f.Base, name))
	switch {
	case err != nil:
		return fmt.Errorf("input %s: %w", name, err)
	case st == nil && IsPattern(name):
		err = f.pattern(name, may)
	case st == nil && may:
	case st == nil:
		return fault.New("input "+name+" does not exist", "inputs are relative to the job file's directory")
	case st.IsDir() && !slices.Contains(f.Trees, clean):
		f.Trees = append(f.Trees, clean)
		err = f.tree(clean)
	case st.IsDir():
	case !st.Mode().IsRegular():
		return fault.New("input "+name+" is neither a file nor a directory, and has no hash", "name the files that the job reads")
	default:
		f.file(clean, st)
	}
	if err == nil && len(f.Files) > mostFiles {
		err = fault.New(fmt.Sprintf("the inputs are more than %d files", mostFiles), "put them into an archive, and unpack it in run")
	}
	return err
}

func (f *Found) file(name string, st fs.FileInfo) {
	if f.Files == nil {
		f.Files = map[string]File{}
	}
	f.Files[name] = File{Size: st.Size(), Exec: st.Mode()&0o100 != 0}
}

func (f *Found) pattern(name string, may bool) error {
	dir, rest := doublestar.SplitPattern(name)
	found, err := glob(at(f.Base, dir), rest)
	if err != nil {
		return fmt.Errorf("input %s: where it may be, something cannot be read: %w", name, err)
	}
	n := 0
	for _, m := range found {
		m = path.Join(dir, m)
		if slices.Contains(strings.Split(m, "/"), own) || excluded(m, f.Exclude) {
			continue
		}
		st, err := durable.Stat(at(f.Base, m))
		if err != nil {
			return fmt.Errorf("input %s: %w", m, err)
		}
		if st != nil && st.Mode().IsRegular() {
			f.file(m, st)
			n++
		}
	}
	if n == 0 && !may {
		return fault.New("input "+name+" names no file", "inputs are relative to the job file's directory; ** stands for any directories")
	}
	return nil
}

// tree adds all files of a directory. A link to a file is that file.
func (f *Found) tree(name string) error {
	base := f.Base
	return filepath.WalkDir(at(base, name)+"/", func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("input %s: %w", name, err)
		}
		rel, err := filepath.Rel(at(base, name), file)
		if err != nil {
			return fmt.Errorf("input %s: %w", name, err)
		}
		shown := path.Join(name, filepath.ToSlash(rel))
		if rel != "." && excluded(shown, f.Exclude) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			if e.Name() == own && rel != "." {
				return fs.SkipDir
			}
			f.Dirs = append(f.Dirs, shown)
			return nil
		}
		st, err := durable.Stat(file)
		switch {
		case err != nil:
			return fmt.Errorf("input %s: %w", shown, err)
		case st == nil:
			return fault.New("input "+shown+" is a symbolic link to what is not there", "remove it, or leave it out: \"!"+shown+"\"")
		case st.IsDir():
			return fault.New("input "+shown+" is a symbolic link to a directory", "name that directory as an input, and leave the link out: \"!"+shown+"\"")
		case !st.Mode().IsRegular():
			return fault.New("input "+shown+" is neither a file nor a directory, and has no hash", "leave it out: \"!"+shown+"\"")
		}
		f.file(shown, st)
		return nil
	})
}

// Match lists the regular files below dir that patterns name, in their order,
// sorted for each, without what those with ! exclude: a file of that very name
// comes before what a pattern names. none hears of a pattern that nothing has, bad
// of one where something cannot be read.
func Match(dir string, patterns []string, none func(pattern string), bad func(pattern string, err error)) (out []string) {
	seen := map[string]bool{}
	for _, p := range patterns {
		if _, excludes := Out(p); excludes {
			continue
		}
		names, err := match(dir, p)
		switch {
		case err != nil:
			bad(p, err)
		case len(names) == 0:
			none(p)
		}
		for _, n := range names {
			if !seen[n] && !excluded(n, patterns) && !slices.Contains(strings.Split(n, "/"), own) {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

// excluded reports whether one of the names that begin with ! takes a file away.
func excluded(name string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		q, out := Out(n)
		return out && within(q, name)
	})
}

func match(dir, pattern string) ([]string, error) {
	if st, err := os.Lstat(filepath.Join(dir, pattern)); err == nil && st.Mode().IsRegular() {
		return []string{pattern}, nil
	}
	return glob(dir, pattern)
}

// glob lists the files below dir that a pattern names. Beside an error, that
// something cannot be read where there may be more, are those that were found.
func glob(dir, pattern string) ([]string, error) {
	options := []doublestar.GlobOption{doublestar.WithFilesOnly(), doublestar.WithNoFollow()}
	names, err := doublestar.Glob(os.DirFS(dir), pattern, append(options, doublestar.WithFailOnIOErrors())...)
	switch {
	case err == nil:
		return names, nil
	case errors.Is(err, doublestar.ErrBadPattern), errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	names, _ = doublestar.Glob(os.DirFS(dir), pattern, options...) // it passes over what cannot be read
	return names, err
}

// Inputs are the kept or hashed files as a fact.
func (f Found) Inputs(files []facts.File) facts.Inputs {
	for _, n := range f.Later {
		files = append(files, facts.File{Path: n, Skipped: "an earlier job makes it", Skip: facts.SkipLater})
	}
	in := facts.Inputs{Schema: facts.InputsSchema, Files: files, Dirs: slices.Compact(slices.Sorted(slices.Values(f.Dirs)))}
	slices.SortFunc(in.Files, func(a, b facts.File) int { return strings.Compare(a.Path, b.Path) })
	for i := range in.Files {
		in.Files[i].Exec = f.Files[in.Files[i].Path].Exec
	}
	for _, t := range f.Trees {
		in.Trees = append(in.Trees, treeOf(in, t))
	}
	return in
}

// treeOf describes a directory by its files: its hash is the SHA-256 of a line for
// each, "x " or "- " (executable or not), the file's SHA-256, a space, its name
// below the directory and a line feed, sorted by name.
func treeOf(in facts.Inputs, name string) facts.File {
	out := facts.File{Path: name}
	sum := sha256.New()
	for _, f := range in.Files {
		rel, ok := below(name, f.Path)
		if !ok {
			continue
		}
		out.Size += f.Size
		if f.SHA256 == "" {
			out.Skipped, out.Skip = f.Path+": "+f.Skipped, f.Skip
		}
		mode := "-"
		if f.Exec {
			mode = "x"
		}
		sum.Write([]byte(mode + " " + f.SHA256 + " " + rel + "\n"))
	}
	if out.Skipped == "" {
		out.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	return out
}

// below is a file's name as seen from a directory that it lies in.
func below(dir, name string) (string, bool) {
	if dir == "." {
		return name, !strings.HasPrefix(name, "../") && !path.IsAbs(name)
	}
	return strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// Select is, in their order, what names of inputs stand for among those of a run, as Find found
// them at its submission; missing is a name of which nothing was there then.
func Select(in facts.Inputs, names []string) (files []facts.File, dirs, missing []string) {
	chosen := map[string]bool{}
	for _, n := range names {
		if _, out := Out(n); out {
			continue
		}
		clean, any := path.Clean(n), false
		named := func(have string) bool { _, is := below(clean, have); return is || have == clean }
		if !slices.ContainsFunc(in.Files, func(f facts.File) bool { return f.Path == clean }) && !slices.ContainsFunc(in.Trees, func(t facts.File) bool { return t.Path == clean }) {
			named = func(have string) bool { ok, _ := doublestar.Match(path.Clean(n), have); return ok }
		}
		for _, f := range in.Files {
			if !named(f.Path) {
				continue
			}
			if any = true; !chosen[f.Path] && !excluded(f.Path, names) {
				chosen[f.Path] = true
				files = append(files, f)
			}
		}
		for _, d := range in.Dirs {
			if _, is := below(clean, d); is || d == clean {
				dirs, any = append(dirs, d), true
			}
		}
		if !any {
			missing = append(missing, n)
		}
	}
	return files, dirs, missing
}
