package rundir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
)

// Name is the job's name, which begins the run's id.
func (r Run) Name() string {
	n := len(r.ID) - len("-20060102-150405-xxxx")
	if n < 1 {
		return ""
	}
	return r.ID[:n]
}

// DirName is the name of the directory that holds all of a project.
const DirName = ".nixbatch"

// Project is a .nixbatch directory.
type Project struct {
	Dir string // absolute path of the .nixbatch directory
}

// Near is the project of a directory: the .nixbatch in it or in its nearest
// parent that has one of this user's own, else the one that will be made in it.
// One in the directory itself that others own or may write to is an *Error.
// Symbolic links are kept: the nodes may know a directory by that name alone.
func Near(dir string) (Project, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Project{}, fmt.Errorf("directory %s: %w", dir, err)
	}
	own := filepath.Join(abs, DirName)
	if err := trusted(own); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return Project{own}, err
	}
	for d := abs; d != filepath.Dir(d); {
		d = filepath.Dir(d)
		up := filepath.Join(d, DirName)
		switch ok, err := mine(up); {
		case err != nil:
			return Project{}, fmt.Errorf("whether there is a project in %s cannot be told: %w", d, err)
		case ok:
			return Project{up}, nil
		}
	}
	return Project{own}, nil
}

// Make makes the project's directories, private to their owner.
func (p Project) Make() error {
	for _, d := range []string{"roots", "eval", "runs", "learnt", "agents"} {
		if err := os.MkdirAll(filepath.Join(p.Dir, d), 0o700); err != nil {
			return fault.New(fmt.Sprintf("the project directory cannot be made: %v", err), "work in a directory that you can write to").Because(err)
		}
	}
	return trusted(p.Dir)
}

// Learnt is where jobs leave what they saw of their nodes.
func (p Project) Learnt() string { return filepath.Join(p.Dir, "learnt") }

// Kept is what the project's runs keep of files, by content.
func (p Project) Kept() string { return filepath.Join(p.Dir, "kept") }

const idAlphabet = "abcdefghjkmnpqrstuvwxyz23456789"

// NewID makes a run id: the job's name, the time in UTC, and four characters
// that tell apart what was submitted within one second.
func NewID(name string, now time.Time) string {
	var b [4]byte
	rand.Read(b[:]) // never fails: crypto/rand
	for i := range b {
		b[i] = idAlphabet[int(b[i])%len(idAlphabet)]
	}
	return fmt.Sprintf("%s-%s-%s", name, now.UTC().Format("20060102-150405"), b[:])
}

// Run is one submission.
type Run struct {
	ID      string
	Dir     string // absolute path of the run directory
	Project Project
}

func (p Project) run(id string) Run {
	return Run{ID: id, Dir: filepath.Join(p.Dir, "runs", id), Project: p}
}

// List is all runs, the newest first. A project that was never used has none.
func (p Project) List() ([]Run, error) {
	entries, err := durable.List(filepath.Join(p.Dir, "runs"))
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	var out []Run
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			out = append(out, p.run(e.Name()))
		}
	}
	slices.SortFunc(out, func(a, b Run) int {
		const second = len("20060102-150405")
		x, y := idTime(a.ID), idTime(b.ID)
		if n := min(len(x), len(y), second); x[:n] != y[:n] || n == 0 {
			return strings.Compare(y+b.ID, x+a.ID)
		}
		// Within one second, files that are written once tell.
		if c := b.made().Compare(a.made()); c != 0 {
			return c
		}
		return strings.Compare(y+b.ID, x+a.ID)
	})
	return out, nil
}

// made is when the run directory was made; zero where that cannot be told.
func (r Run) made() time.Time {
	st, err := os.Stat(r.JobFile())
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}

// idTime is the part of an id that sorts by time.
func idTime(id string) string {
	const n = len("20060102-150405-xxxx")
	if len(id) < n {
		return ""
	}
	return id[len(id)-n:]
}

// Get finds a run by its id, by a beginning or an end of it that fits only one,
// by the job's name (the newest of it), or, for "", the newest of all.
func (p Project) Get(name string) (Run, error) {
	all, err := p.List()
	if err != nil {
		return Run{}, err
	}
	if len(all) == 0 {
		return Run{}, fault.New("there are no runs here", "nixbatch submit FILE makes one; runs are found in .nixbatch of this directory or its parents")
	}
	if name == "" {
		return all[0], nil
	}
	var hits []Run
	for _, r := range all {
		switch {
		case r.ID == name:
			return r, nil
		case strings.HasPrefix(r.ID, name), strings.HasSuffix(r.ID, "-"+name):
			hits = append(hits, r)
		}
	}
	// A job's name is also the beginning of other names: water, water-scf.
	if i := slices.IndexFunc(all, func(r Run) bool { return r.ID == name+"-"+idTime(r.ID) }); i >= 0 {
		return all[i], nil
	}
	if len(hits) == 0 {
		return Run{}, fault.New(fmt.Sprintf("no run is called %q", name), "nixbatch status lists the runs")
	}
	if len(hits) > 1 {
		ids := make([]string, 0, 3)
		for _, h := range hits[:min(3, len(hits))] {
			ids = append(ids, h.ID)
		}
		return Run{}, fault.New(fmt.Sprintf("%d runs begin or end with %q", len(hits), name), "among them "+strings.Join(ids, ", "))
	}
	return hits[0], nil
}
