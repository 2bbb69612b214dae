// Package options is what this program's files (the job file, the site's) may say
// of sbatch's options: all that sbatch knows, without those that the program sets
// itself; and of arches.
//
// It promises that a name it refuses has a reason for people, and that a value
// it lets through is one that package slurm or cpuflags lets through.
package options

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Reasons that several options share.
const (
	notScript  = "it steers the sbatch command, and has no place in a job"
	ownFiles   = "nixbatch keeps the output in the run's log folder: nixbatch logs"
	ownEnv     = "the environment of a job is what `env:` and `environment:` say"
	oneCluster = "nixbatch follows a job on one cluster: set SLURM_CLUSTERS, or log in there"
	noImage    = "a job runs in its Nix environment, not in a container"
	rootOnly   = "only root may use it"
)

// Managed is why a file may not set an option: nixbatch sets it itself, or does
// without. "" for all others.
func Managed(name string) string {
	switch name {
	case "array":
		return "`sweep:` describes the tasks of a job"
	case "chdir":
		return "a job runs in the folder of its job file"
	case "cluster-constraint", "clusters":
		return oneCluster
	case "container", "container-id":
		return noImage
	case "error", "open-mode", "output":
		return ownFiles
	case "export", "export-file", "get-user-env":
		return ownEnv
	case "gid", "uid":
		return rootOnly
	case "help", "ignore-pbs", "parsable", "quiet", "usage", "verbose", "version":
		return notScript
	case "input":
		return "read the file in `run:`, and list it under `inputs:`"
	case "job-name":
		return "`name:` is the job's name"
	case "test-only":
		return "nixbatch plan asks what would happen"
	case "wait":
		return "nixbatch submit --wait waits"
	case "wrap":
		return "`run:` holds the commands"
	}
	return ""
}

// Names are the options that a file may set, sorted.
func Names() []string {
	var names []string
	for _, o := range sbatch.Table() {
		if Managed(o.Name) == "" {
			names = append(names, o.Name)
		}
	}
	return names
}

// Meaning is what an option does in a file of this program.
func Meaning(o sbatch.OptionInfo) string {
	if o.Name == "comment" {
		return o.Meaning + "; nixbatch puts the run id before it"
	}
	return o.Meaning
}

// maxComment leaves room in a job's comment, in bytes, for what nixbatch finds
// its jobs by.
const maxComment = 800

// Check says what is wrong with the value of an option that a file may set; nil
// if nothing is.
func Check(name, value string) error {
	if err := sbatch.Check(name, value); err != nil || name != "comment" {
		return err
	}
	if len(value) > maxComment {
		return fmt.Errorf("it has %d bytes, and %d are the most", len(value), maxComment)
	}
	if strings.Contains(value, "nixbatch:") {
		return errors.New("nixbatch: in it would be taken for the run id")
	}
	return nil
}

// TakesList tells the options whose value sbatch reads as names with commas, and
// a file may write as a list.
func TakesList(k sbatch.Kind) bool {
	return k == sbatch.List || k == sbatch.Hosts || k == sbatch.Words
}
