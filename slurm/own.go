package slurm

import (
	"debug/elf"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// OwnSubmit reports whether the sbatch that would be called is Slurm's own: a
// program that is linked with Slurm's library. A site's script in front of it,
// and a program that cannot be looked into, is not; such a one may print what it
// likes. A Client with a Runner of its own has to know whom it asks, and is
// believed.
func (c *Client) OwnSubmit() bool {
	if c.Runner != nil {
		return true
	}
	file, err := proc.Look("sbatch")
	return err == nil && linked(file)
}

// linked reports whether a program is linked with libslurm (a Slurm that is
// built into its commands is not told from others).
func linked(file string) bool {
	f, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	libs, err := f.ImportedLibraries()
	return err == nil && slices.ContainsFunc(libs, func(l string) bool { return strings.HasPrefix(l, "libslurm") })
}
