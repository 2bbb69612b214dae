package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/screen"
)

// starter is what init writes: a job file that lacks nothing but its pin.
const starter = `name: %s
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
  packages: [] # the packages that gain from it: only these are rebuilt
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

func initCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "start a job file", ArgsUsage: "[FILE]",
		Description: "Writes FILE (job.yaml without one); a file that is there is left alone. Exit codes: 0 done, 2 it exists.",
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return fault.New(fmt.Sprintf("nixbatch init takes one file, got %d arguments", c.NArg()), "nixbatch init job.yaml")
			}
			file := c.Args().First()
			if file == "" {
				file = "job.yaml"
			}
			err := durable.WriteBytes(file, fmt.Appendf(nil, starter, jobName(file)), 0o644)
			if errors.Is(err, durable.ErrExists) {
				return &fault.Error{Message: file + " is there already", Way: "name another file: nixbatch init other.yaml"}
			}
			if errors.Is(err, fs.ErrNotExist) {
				return &fault.Error{Message: "the directory of " + file + " does not exist", Way: "make it first"}
			}
			if err != nil {
				return &fault.Error{Message: fmt.Sprintf("%s cannot be written: %v", file, reason(err)), Way: "work in a directory that you can write to", Err: err}
			}
			screen.Printf(s.Out, "%s\n", file)
			screen.Printf(s.Err, "next: nixbatch pin github:NixOS/nixpkgs/nixos-unstable, then nixbatch check %s\n", file)
			return nil
		},
	}
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
