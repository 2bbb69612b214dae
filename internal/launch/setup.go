// Package launch is the command launch of a job's lines: it starts the ranks
// of a program with the counts, CPUs, binding and environment that the plan
// worked out and the node confirmed.
//
// It promises that a program whose MPI cannot speak to the launcher is not
// started at all (it would run N times as rank 0 of 1), that a launcher is
// tried once with the counts of the job before a program is trusted to it, and
// that Slurm's own srun runs clean of the environment's libraries, which its
// ranks then get. Every start leaves a fact beside the job's start.
//
// It never works out a number by itself (package resources does), and never
// changes what the user's lines exported.
package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/resources"
)

// SetupVar names the file that the agent leaves for launch.
const SetupVar = "NIXBATCH_LAUNCH"

// Names of the schemas.
const (
	SetupSchema  = "nixbatch/launch-setup/v1"
	LaunchSchema = "nixbatch/launch/v1"
	CheckSchema  = "nixbatch/launch-check/v1"
)

// Setup is what launch has to know of the job: the agent writes it before the
// user's first line.
type Setup struct {
	Schema         string           `json:"schema"`
	Launcher       string           `json:"launcher"` // "none", "srun" or "mpirun"
	Local          bool             `json:"local"`
	Layout         resources.Layout `json:"resources"`
	Bind           string           `json:"bind"`
	Hint           string           `json:"hint,omitempty"`
	ThreadsPerCore int              `json:"threads_per_core,omitempty"` // as asked for; 0 if not
	Overcommit     bool             `json:"overcommit,omitempty"`
	Affinity       int              `json:"affinity,omitempty"`
	// Step is further options of srun, from those of the job: their form is
	// --name=value.
	Step []string     `json:"step_options,omitempty"`
	Priv SetupPrivate `json:"private"`
}

// SetupPrivate is the part of Setup that names places on the node.
type SetupPrivate struct {
	Srun    string `json:"srun,omitempty"`     // absolute, found before the environment was entered; "" without Slurm
	Bash    string `json:"bash"`               // of the environment
	HostDir string `json:"host_dir,omitempty"` // holds the srun that mpirun may find
}

// Fact is what one launch leaves: launch-001.json and so on, beside start.json.
type Fact struct {
	Schema   string           `json:"schema"`
	Time     time.Time        `json:"time"`
	Launcher string           `json:"launcher"` // that was used: "srun", "mpirun" or "none"
	MPI      string           `json:"mpi,omitempty"`
	MPIFrom  string           `json:"mpi_found_by,omitempty"`
	MPIType  string           `json:"mpi_type,omitempty"` // of srun --mpi
	Ranks    int              `json:"ranks"`
	Layout   resources.Layout `json:"resources"`
	Bind     string           `json:"bind"`
	Options  []string         `json:"options"` // of the launcher, without the program
	Checked  string           `json:"world_size_check,omitempty"`
	Notes    []string         `json:"notes,omitempty"`
	Priv     FactPrivate      `json:"private"`
}

// FactPrivate is the part of Fact that may hold names and places.
type FactPrivate struct {
	Command []string `json:"command"`
}

// writeFact writes a launch under the next free number.
func writeFact(dir string, f Fact) error {
	for n := 1; n < 10000; n++ {
		err := durable.Write(filepath.Join(dir, fmt.Sprintf("launch-%03d.json", n)), f)
		if !errors.Is(err, durable.ErrExists) {
			return err
		}
	}
	return nil // what ten thousand launches did is told by the first of them
}

// hostile are the variables that the environment may set for its own programs
// and that could break one of the host's: the loader's and the C library's.
func hostile(name string) bool {
	return strings.HasPrefix(name, "LD_") || name == "GCONV_PATH" || name == "LOCPATH" || name == "GLIBC_TUNABLES"
}

// part splits an environment into what the host's programs may see, and what is
// for the ranks alone.
func part(environ []string) (host, ranks []string) {
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); hostile(name) {
			ranks = append(ranks, kv)
		} else {
			host = append(host, kv)
		}
	}
	return host, ranks
}

// wrap hands variables to a program that is started by one of the host's.
func wrap(bash string, vars, program []string) []string {
	if len(vars) == 0 {
		return program
	}
	words := []string{bash, "--noprofile", "--norc", "-c", `while [ "$1" != -- ]; do export "$1"; shift; done; shift; exec "$@"`, "launch"}
	return append(append(append(words, vars...), "--"), program...)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
