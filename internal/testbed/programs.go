package testbed

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// needed maps each program to the Debian package that has it.
var needed = map[string]string{
	"munged": "munge", "slurmctld": "slurmctld", "slurmd": "slurmd", "slurmstepd": "slurmd",
	"sinfo": "slurm-client", "sbatch": "slurm-client", "srun": "slurm-client",
	"squeue": "slurm-client", "scancel": "slurm-client", "scontrol": "slurm-client", "sdiag": "slurm-client",
	"nix-build": "nix-bin", "nix-store": "nix-bin", "nix-instantiate": "nix-bin",
}

// MissingError lists programs that the testbed needs and this machine lacks.
type MissingError struct {
	Programs []string // sorted
	Packages []string // the Debian packages that have them, sorted
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("missing programs: %s (Debian packages: %s)",
		strings.Join(e.Programs, ", "), strings.Join(e.Packages, ", "))
}

// Hint is the command that installs what is missing.
func (e *MissingError) Hint() string {
	return "apt-get install --no-install-recommends " + strings.Join(e.Packages, " ")
}

// findPrograms finds the programs on the PATH and where Debian keeps daemons,
// which is not on an ordinary user's PATH.
func findPrograms(nix bool) (map[string]string, error) {
	wanted := map[string]string{}
	for name, pkg := range needed {
		if pkg != "nix-bin" || nix {
			wanted[name] = pkg
		}
	}
	found := map[string]string{}
	return found, addPrograms(found, wanted)
}

// addPrograms finds the programs wanted, each of which a Debian package has.
func addPrograms(found, wanted map[string]string) error {
	missing, packages := []string{}, map[string]bool{}
	for name, pkg := range wanted {
		p, err := proc.Look(name)
		for _, dir := range []string{"/usr/sbin", "/sbin"} {
			if err == nil {
				break
			}
			p, err = proc.Look(filepath.Join(dir, name))
		}
		if err != nil {
			missing, packages[pkg] = append(missing, name), true
			continue
		}
		found[name] = p
	}
	if len(missing) == 0 {
		return nil
	}
	e := &MissingError{Programs: missing}
	for pkg := range packages {
		e.Packages = append(e.Packages, pkg)
	}
	sort.Strings(e.Programs)
	sort.Strings(e.Packages)
	return e
}

// nixUsable says why Nix could not build for this user.
func nixUsable() error {
	if os.Geteuid() == 0 {
		return nil
	}
	if unix.Access("/nix/var/nix/db", unix.W_OK) == nil && unix.Access("/nix/store", unix.W_OK) == nil {
		return nil
	}
	conn, err := net.Dial("unix", "/nix/var/nix/daemon-socket/socket")
	if err != nil {
		return &nixError{err}
	}
	return conn.Close()
}

type nixError struct{ err error }

func (e *nixError) Error() string {
	return fmt.Sprintf("nix: this user may not write to /nix and no Nix daemon answers: %v", e.err)
}
func (e *nixError) Unwrap() error { return e.err }
func (e *nixError) Hint() string {
	return "run as root, or start nix-daemon (Debian: nix-setup-systemd) and add this user to the group nix-users"
}
