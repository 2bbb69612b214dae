package submit

import (
	"fmt"
	"path/filepath"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/jobspec"
)

// trees looks for the trees of path pins before anything reads them whole. What
// is wrong is jobspec.Problems, at the pin's place in the job file.
func (j *Loaded) trees() error {
	if j.opts.Resolve != nil { // they lie elsewhere
		return nil
	}
	env := j.Spec.Environment
	var ps jobspec.Problems
	look := func(key string, p jobspec.Pin, file string) {
		if p.Kind != jobspec.Path {
			return
		}
		if message, hint := tree(j.WorkDir, p, file); message != "" {
			ps = append(ps, jobspec.Problem{File: j.Spec.File, Pos: p.Pos, Message: key + ".path: " + message, Hint: hint})
		}
	}
	look("environment.nixpkgs", env.Nixpkgs, "default.nix")
	for _, p := range env.Overlays {
		look("environment.overlays", p, p.File)
	}
	if len(ps) > 0 {
		return ps
	}
	return nil
}

// tree says what is wrong with a pin's directory, "" for nothing.
func tree(base string, p jobspec.Pin, file string) (message, hint string) {
	dir := p.Path
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(base, dir)
	}
	unread := func(err error) string { return fmt.Sprintf("%q cannot be read: %s", p.Path, digest.Reason(err)) }
	st, err := durable.Stat(dir)
	switch {
	case err != nil:
		return unread(err), ""
	case st == nil:
		return fmt.Sprintf("there is no directory %q", p.Path), "a relative path is taken from the job file's directory"
	case !st.IsDir():
		return fmt.Sprintf("%q is not a directory", p.Path), "name a directory with a " + file
	}
	if st, err = durable.Stat(filepath.Join(dir, file)); err != nil {
		return unread(err), ""
	} else if st == nil {
		return fmt.Sprintf("%q has no %s", p.Path, file), "name the top directory of the tree, the one with " + file
	}
	return "", ""
}

// resolve names one of the job's trees by its hash.
func (j *Loaded) resolve(pin jobspec.Pin) (s nixsource.Source, err error) {
	if j.opts.Resolve != nil {
		s, err = j.opts.Resolve(pin, j.WorkDir)
	} else {
		s, err = nixsource.Memory{Dir: filepath.Join(j.Project.Dir, "trees")}.Resolve(pin, j.WorkDir)
	}
	j.sources = append(j.sources, s)
	return s, err
}

// manyFiles is where reading a tree takes long enough to say why it was done.
const manyFiles = 1000

// TreeNotes says which trees were read again to find their hashes, and why. They
// are of this command, not of the plan: the next one may remember the hash.
func (j *Loaded) TreeNotes() (notes []string) {
	for _, s := range j.sources {
		why := ""
		switch h := s.Hashed; {
		case h.Why == nixsource.HashedChanged:
			why = "it changed since it was last read"
		case h.Files < manyFiles:
		case h.Why == nixsource.HashedRecent:
			why = "it was changed moments before it was last read, and file times could not tell of a change since"
		case h.Why == nixsource.HashedUntold:
			why = "its file system is not known to tell of every change"
		}
		if why != "" {
			notes = append(notes, fmt.Sprintf("the hash of %s was computed again from %d files: %s", s.Pin.Path, s.Hashed.Files, why))
		}
	}
	return notes
}
