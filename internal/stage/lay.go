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
	"slices"
	"strings"
	"sync"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
)

// Place is a task's own directory, and where what it is made of lies.
type Place struct {
	Top  string // absolute: all that belongs to the task
	From string // absolute: the job's directory
	Kept string // the run's kept files
	Dir  string // absolute, below Top: where the task works
	// Keeper keeps what an earlier job made, which is not there before the start.
	Keeper Keeper
}

// Laid is what was put into a place.
type Laid struct {
	Inputs  []facts.File        // as they are now
	Changed []facts.InputChange // since the submission
	Again   bool                // an earlier attempt of the task worked there
}

// NewPlace is the place for a task that reads files; those above the job's
// directory (../basis) have to be found from it, so it lies that much deeper, by
// the names that the directories have beside the job file.
func NewPlace(top, from, kept string, names []string) Place {
	up := 0
	for _, n := range names {
		if !filepath.IsAbs(n) {
			up = max(up, strings.Count(filepath.Clean(n)+"/", "../"))
		}
	}
	dir, rest := from, []string{}
	for range up {
		name := filepath.Base(dir)
		if name == "/" {
			name = "up"
		}
		rest, dir = append(rest, name), filepath.Dir(dir)
	}
	slices.Reverse(rest)
	return Place{Top: top, From: from, Kept: kept, Dir: filepath.Join(append([]string{top, "work"}, rest...)...)}
}

// marker says that a place was laid out; what is younger than it was made by the
// task.
func (p Place) marker() string { return filepath.Join(p.Top, "laid") }

// Laid reports whether the place was laid out before.
func (p Place) Laid() (bool, error) { return durable.There(p.marker()) }

// Lay puts files into the place, which is made, and whatever an attempt that was
// killed meanwhile left in it is removed. One that was laid out is left as the
// task left it. Kept files are copies of what was submitted; others are links to
// where they lie, and absolute ones stay where they are: of both is told whether
// they are still what they were.
func (p Place) Lay(files []facts.File, dirs []string) (Laid, error) {
	out := Laid{Inputs: slices.Clone(files)}
	again, err := p.Laid()
	if err != nil {
		return out, fmt.Errorf("the task's directory: %w", err)
	}
	out.Again = again
	if !again {
		if err := os.RemoveAll(filepath.Join(p.Top, "work")); err != nil {
			return out, fmt.Errorf("the task's directory: %w", err)
		}
	}
	for _, d := range append([]string{"."}, dirs...) {
		if filepath.IsAbs(d) {
			continue
		}
		if err := os.MkdirAll(filepath.Join(p.Dir, d), 0o700); err != nil {
			return out, fault.New(fmt.Sprintf("the task's directory cannot be made: %v", err), "").Because(err)
		}
	}
	var lock sync.Mutex
	err = each(len(files), func(i int) error {
		now, err := p.put(files[i], again)
		lock.Lock()
		defer lock.Unlock()
		out.Inputs[i] = now
		if c := changed(files[i], now); c != nil {
			out.Changed = append(out.Changed, *c)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	slices.SortFunc(out.Changed, func(a, b facts.InputChange) int { return strings.Compare(a.Path, b.Path) })
	if !again {
		if err := os.WriteFile(p.marker(), nil, 0o400); err != nil {
			return out, fmt.Errorf("the task's directory: %w", err)
		}
	}
	return out, nil
}

// AtSubmission is what is said of an input that is another than the one submitted.
const AtSubmission = "other contents than when it was submitted"

func changed(was, now facts.File) *facts.InputChange {
	switch {
	case was.Kept || was.SHA256 == "" || now.SHA256 == was.SHA256:
		return nil
	case now.Skipped != "":
		return &facts.InputChange{Path: was.Path, What: now.Skipped, Skip: now.Skip}
	}
	return &facts.InputChange{Path: was.Path, What: AtSubmission}
}

// put puts one file into its place, and describes it as it is.
func (p Place) put(f facts.File, again bool) (facts.File, error) {
	to := filepath.Join(p.Dir, f.Path)
	if !filepath.IsAbs(f.Path) {
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return f, fmt.Errorf("input %s: %w", f.Path, err)
		}
	}
	if f.Why() == facts.SkipLater {
		made, done, err := p.later(f, to, again)
		if err != nil || done {
			return made, err
		}
		f = made
	}
	if f.Kept {
		return f, p.unkept(f, to, again)
	}
	now := digest.File(f.Path, at(p.From, f.Path), digest.HashLimit)
	now.Exec = f.Exec
	if now.Why() == facts.SkipMissing {
		return now, fault.New(fmt.Sprintf("input %s is missing", f.Path), "it was there when the job was submitted")
	}
	if filepath.IsAbs(f.Path) {
		return now, nil
	}
	if err := os.Symlink(at(p.From, f.Path), to); err != nil && !(again && errors.Is(err, fs.ErrExist)) {
		return now, fmt.Errorf("input %s: %w", f.Path, err)
	}
	return now, nil
}

// later keeps a file that an earlier job made; done says that an attempt before
// has it already.
func (p Place) later(f facts.File, to string, again bool) (made facts.File, done bool, err error) {
	if again {
		if there, err := durable.There(to); err != nil || there {
			return digest.File(f.Path, to, digest.HashLimit), true, err
		}
	}
	made, err = p.Keeper.Keep(f.Path, at(p.From, f.Path), digest.HashLimit)
	if made.Why() == facts.SkipMissing {
		err = fault.New(fmt.Sprintf("input %s is missing", f.Path), "an earlier job was to make it: look into that one's outputs")
	}
	return made, false, err
}

// unkept makes the task's own copy of a kept file. At a later attempt one that
// the task did not touch is looked at again: a machine that went down may not
// have written all of it.
func (p Place) unkept(f facts.File, to string, again bool) error {
	if again {
		st, err := durable.Stat(to)
		if err != nil || st == nil {
			return err // the task removed it
		}
		mark, err := durable.Stat(p.marker())
		if err != nil || mark == nil || st.ModTime().After(mark.ModTime()) || digest.File("", to, digest.HashLimit).SHA256 == f.SHA256 {
			return err
		}
		if err := os.Remove(to); err != nil {
			return err
		}
	}
	mode := fs.FileMode(0o644)
	if f.Exec {
		mode = 0o755
	}
	sum, err := copied(In(p.Kept, f.SHA256), to, mode)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fmt.Sprintf("input %s is not where the run keeps it: %v", f.Path, err), "submit the job again").Because(err)
	case err != nil:
		return fault.New(fmt.Sprintf("input %s could not be put into the task's directory: %v", f.Path, durable.Reason(err)), "").Because(err)
	case sum != f.SHA256:
		return fault.New(fmt.Sprintf("the kept copy of input %s is not what was submitted: it was changed", f.Path), "submit the job again")
	}
	return nil
}

// copied copies a file to one that is not there yet, and returns the hash of what
// was copied. It is not flushed.
func copied(from, to string, mode fs.FileMode) (sum string, err error) {
	in, err := durable.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if clone(out, in) {
		_, err = io.Copy(h, in)
	} else {
		_, err = io.Copy(io.MultiWriter(out, h), in)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		os.Remove(to)
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// Changed looks again at the inputs that are not the task's own copies.
func (p Place) Changed(was []facts.File, limit int64) (out []facts.InputChange) {
	for _, f := range was {
		if f.SHA256 == "" || f.Kept {
			continue
		}
		switch now := digest.File(f.Path, at(p.From, f.Path), limit); {
		case now.Skipped != "":
			out = append(out, facts.InputChange{Path: f.Path, What: now.Skipped, Skip: now.Skip})
		case now.SHA256 != f.SHA256:
			out = append(out, facts.InputChange{Path: f.Path, What: facts.OtherContents})
		}
	}
	return out
}
