// Package jobspec is the job language of nixbatch: the YAML file in which a
// researcher says what to run, in which pinned environment, on what share of the
// cluster.
//
// [Load] and [Parse] turn a file into a [Spec], or into [Problems]. [Schema] is
// the language for editors (JSON Schema), [Reference] for people (Markdown); both
// are made from the tables that Parse reads by. [Sweep.Tasks] writes out the
// tasks of a sweep.
//
// It promises that a Spec it returns is complete and valid, and that a file
// which is not yields every problem at once, each with file:line:column, in the
// words of the job file and never in those of a programming language. What the
// file says is kept as it is written: 1:30:00 stays a time, 1.10 stays 1.10,
// and what could be read in two ways (010) is refused.
//
// It never looks at the cluster, at Nix or at the files a job names, never
// expands an alias, and never accepts a source that is not fixed by a hash.
package jobspec

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// MaxSize is the largest job file that is read, in bytes.
const MaxSize = 1 << 20

// Spec is a valid job file.
type Spec struct {
	File        string // as it was named to Load or Parse
	Bytes       []byte // the file's content, as read
	Name        string // 1 to 64 of A-Z a-z 0-9 . _ -, fit for a file name
	Environment Environment
	Optimize    Optimize
	Slurm       sbatch.Options // in the order of the file, values checked
	Threads     Threads
	Launcher    string   // "none" (default), "srun", "mpirun"
	Env         []EnvVar // in the order of the file
	Inputs      []string // files, directories or doublestar patterns, relative to the job file or absolute; with ! before it: not these
	Outputs     []string // file names or doublestar patterns, relative to the job file; with ! before it: not these
	Numbers     []Number
	Sweep       *Sweep      // nil: one task
	Private     []string    // names of Env and of the sweep; of a CSV's, CheckPrivate tells whether they are
	After       []string    // runs, by id or by their job's name
	Checkpoint  *Checkpoint // nil: none
	Workdir     string      // where a task works: "own" (default), "shared"
	Home        string      // "own" (default), "user"
	Scratch     *Scratch    // nil: a task's own directory is in the run directory
	Run         string      // lines for bash
}

// Environment says which packages, from which package set.
type Environment struct {
	Nixpkgs  Pin
	Overlays []Pin
	// Config is the package set's config argument. Values are bool, int64,
	// float64, string, nil, []any and map[string]any of these.
	Config   map[string]any
	Packages []string // attribute paths, such as python3Packages.numpy
}

// PinKind says where a pinned source comes from.
type PinKind int

const (
	GitHub PinKind = iota + 1
	URL
	Git
	Path
)

func (k PinKind) String() string {
	switch k {
	case GitHub:
		return "github"
	case URL:
		return "url"
	case Git:
		return "git"
	case Path:
		return "path"
	}
	return "unknown"
}

// Pin is a source tree fixed by the hash of its contents. Only the field that
// Kind names is set among GitHub, URL, Git and Path.
type Pin struct {
	Kind   PinKind
	GitHub string // owner/repo
	URL    string // of an archive: https, http or file
	Git    string // of a repository: https, http, ssh, git or file
	Path   string // a directory, relative to the job file or absolute
	Rev    string // commit, 40 hex digits; GitHub and Git only
	Hash   string // of the unpacked tree, SRI (sha256-…); may be "" for a Path only
	File   string // overlays only: the file to import, relative to the tree
	Pos    Pos
}

// Optimize says what to rebuild for the CPUs of the nodes.
type Optimize struct {
	Arch     []string // {"auto"} (default), {"generic"}, or texts of a cpuflags.Build
	Config   string   // dotted path of a config option to set to the arch, or ""
	Packages []string // attribute paths to rebuild with -march
	// Override has, by attribute path, the arguments that some of Packages get in the
	// optimised builds; values are those of Environment.Config.
	Override map[string]map[string]any
	Reach    string // ReachRebuild (default) or ReachNamed
	Limit    int    // the most derivations that a build may make again; default DefaultLimit
	Strategy string // "dispatch" (default), "constrain", "common"
}

// Threads says how many threads a task may use and whether they are bound.
type Threads struct {
	PerTask int    // 0 is auto: what the job was given for one task
	Bind    string // "none" (default), "cores"
	// Nested splits a task's threads over two levels of OpenMP, zero if it is
	// not there: Outer threads, each of which may start Inner.
	Nested Nested
	Stack  string // of each thread, as OMP_STACKSIZE takes it: "64M"; "" leaves it alone
}

// Nested are two levels of OpenMP threads; zero where there is none.
type Nested struct{ Outer, Inner int }

// EnvVar is one variable of the job's environment.
type EnvVar struct{ Name, Value string }

// Resolve turns a path of the job file into one relative to where this process
// runs: a relative path counts from the job file's directory.
func (s *Spec) Resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(s.File), path)
}

// Load reads and checks a job file. A file that cannot be read is an ordinary
// error; one that is wrong is a Problems.
func Load(file string) (*Spec, error) {
	// Looked at before it is opened: opening a pipe would wait for its writer.
	if st, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("job file: %w", &os.PathError{Op: "open", Path: file, Err: errors.Unwrap(err)})
	} else if !st.Mode().IsRegular() {
		what := "is a pipe, a socket or a device, not a file"
		if st.IsDir() {
			what = "is a directory"
		}
		return nil, fmt.Errorf("job file: %w", &os.PathError{Op: "read", Path: file, Err: errors.New(what)})
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("job file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("job file: %w", err)
	}
	return Parse(file, data)
}

// Parse checks the content of a job file; file is its name in messages and the
// place its paths count from. The error is a Problems, sorted by position.
func Parse(file string, data []byte) (*Spec, error) {
	d := newDecoder(file)
	var spec *Spec
	if root := d.Read(data); root != nil {
		spec = d.job(root)
	}
	if d.Count() > 0 {
		return nil, problemsOf(file, d.Problems())
	}
	spec.File, spec.Bytes = file, append([]byte(nil), data...)
	return spec, nil
}
