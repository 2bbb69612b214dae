// Package starter writes the job file that one starts from.
//
// It promises that the file lacks nothing but its pin, and never replaces a file.
package starter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// text is the file: a job that lacks nothing but its pin.
const text = `name: %s
environment:
  # An exact nixpkgs. This prints the three lines:
  #   nixbatch pin github:NixOS/nixpkgs/nixos-unstable
  nixpkgs:
    github: NixOS/nixpkgs
    rev:
    hash:
  packages: [hello]
optimize:
  arch: auto # a build for each kind of CPU that the job may land on
  packages: [] # the packages that gain from it: these are rebuilt, and what depends on them
slurm:
  ntasks: 1
  cpus-per-task: 1
  mem: 1G
  time: "10:00"
inputs: []
outputs: [result.txt]
run: |
  hello > result.txt
`

// Write writes the file; the job is called as the file is.
func Write(file string) error {
	err := durable.WriteBytes(file, fmt.Appendf(nil, text, jobName(file)), 0o644)
	if errors.Is(err, durable.ErrExists) {
		return &fault.Error{Message: file + " is there already", Way: "name another file: nixbatch init other.yaml"}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &fault.Error{Message: "the directory of " + file + " does not exist", Way: "make it first"}
	}
	if err != nil {
		return &fault.Error{Message: fmt.Sprintf("%s cannot be written: %v", file, durable.Reason(err)), Way: "work in a directory that you can write to", Err: err}
	}
	return nil
}

var notInNames = lazyre.New(`[^A-Za-z0-9._-]+`)

// jobName makes a job's name out of the file's, or of its directory's where the
// file is plainly called job.yaml.
func jobName(file string) string {
	base := filepath.Base(file)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if wd, err := os.Getwd(); err == nil && base == "job" {
		base = filepath.Base(wd)
	}
	name := strings.Trim(notInNames.ReplaceAllString(base, "-"), "._-")
	if name == "" {
		return "job"
	}
	return name[:min(len(name), 64)]
}
