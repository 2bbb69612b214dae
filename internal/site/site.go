// Package site reads what the admin of a cluster and its user have settled for
// all job files: defaults and fixed values of Slurm's options, which CPUs
// Slurm's features stand for, and how the site wants memory to be asked for.
//
// It promises that a file is read as strictly as a job file, that nothing of a
// job is changed without a note which names the file and line, and that what the
// admin fixed is never overridden. It never asks Slurm, and a site without any
// file is like no site at all.
package site

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// SystemDir is where an admin publishes what holds for all users of a machine;
// EnvDir names another directory in its place.
const (
	SystemDir = "/etc/nixbatch"
	EnvDir    = "NIXBATCH_SITE_DIR"
)

// FileName is the name of the file in the system's and in the user's directory.
const FileName = "site.yaml"

// Config is what all files say together. A nil Config says nothing.
type Config struct {
	Files    []string // those that were read, the system's first
	Features []Feature
	Defaults []Setting                       // for job files that do not have the option
	Fixed    []Setting                       // for all job files; the admin's alone
	Memory   *Word                           // "node", "cpu" or "none"; nil: as the job file has it
	PerTask  *Word                           // cpus-per-task: "allowed" or "forbidden"
	Probe    struct{ Timeout time.Duration } // 0: not said
	// KeepBelow is the size in bytes up to which files are copied to be kept; nil:
	// not said. See Below.
	KeepBelow *int64
}

// Source is where something was said.
type Source struct {
	File string
	Line int
}

func (s Source) String() string { return fmt.Sprintf("%s:%d", s.File, s.Line) }

// Feature is one feature of Slurm's and the arch that it stands for.
type Feature struct {
	Name, Arch string
	Source
}

// Setting is one option of Slurm's.
type Setting struct {
	sbatch.Option
	Source
}

// Word is one word that was chosen.
type Word struct {
	Value string
	Source
}

// Dir is the system's directory: getenv is os.Getenv or its like.
func Dir(getenv func(string) string) string {
	if d := getenv(EnvDir); d != "" {
		return d
	}
	return SystemDir
}

// UserFile is the user's own file (XDG Base Directory Specification:
// XDG_CONFIG_HOME); "" where there is no home.
func UserFile(getenv func(string) string) string {
	if d := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "nixbatch", FileName)
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".config", "nixbatch", FileName)
	}
	return ""
}

// Load reads the system's file, then the user's. A file that does not exist
// says nothing; one that is wrong is a jobspec.Problems.
func Load(getenv func(string) string) (*Config, error) {
	c := &Config{}
	for _, f := range []struct {
		path  string
		admin bool
	}{{filepath.Join(Dir(getenv), FileName), true}, {UserFile(getenv), false}} {
		if f.path == "" {
			continue
		}
		data, err := durable.ReadFile(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("site file: %w", err)
		}
		if err := c.add(f.path, data, f.admin); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// FeatureMap is Slurm's features and their arches.
func (c *Config) FeatureMap() map[string]string {
	if c == nil {
		return nil
	}
	m := map[string]string{}
	for _, f := range c.Features {
		m[f.Name] = f.Arch
	}
	return m
}

// Lines tells, file by file, what was said: one line each.
func (c *Config) Lines() []string {
	var out []string
	for _, file := range c.Files {
		var words []string
		features := 0
		for _, f := range c.Features {
			if f.File == file {
				features++
			}
		}
		if features > 0 {
			words = append(words, fmt.Sprintf("%d features", features))
		}
		for _, kind := range []struct {
			name     string
			settings []Setting
		}{{"", c.Defaults}, {"fixed ", c.Fixed}} {
			for _, s := range kind.settings {
				if s.File == file {
					words = append(words, kind.name+shown(s.Option))
				}
			}
		}
		for name, w := range map[string]*Word{"memory": c.Memory, "cpus-per-task": c.PerTask} {
			if w != nil && w.File == file {
				words = append(words, name+" "+w.Value)
			}
		}
		slices.Sort(words)
		if len(words) == 0 {
			words = []string{"nothing that counts"}
		}
		out = append(out, file+": "+strings.Join(words, ", "))
	}
	return out
}
