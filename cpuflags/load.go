package cpuflags

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// EnvCPUInfo names a saved cpuinfo to be read instead of this machine, or a
// directory that has one for each node, under the node's Slurm name. It is for
// tests and for looking at other machines.
const EnvCPUInfo = "NIXBATCH_CPUINFO"

// Load reads the CPU of a node: this machine's (Host), unless NIXBATCH_CPUINFO
// is set, whose file, or file named node in its directory, is read then and
// returned as override, so that a record can say so. node is a Slurm node name,
// or "" where there is none, which a directory cannot serve. A file that is
// missing, or is no cpuinfo, is an *Error naming it.
func Load(node string) (cpu CPU, override string, err error) {
	path := os.Getenv(EnvCPUInfo)
	if path == "" {
		cpu, err = Host()
		return cpu, "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return CPU{}, path, &Error{Path: path, What: "cannot be read", Err: unwrapPath(err), Way: openHint(path)}
	}
	if info.IsDir() {
		if path, err = nodeFile(path, node); err != nil {
			return CPU{}, path, err
		}
	}
	cpu, err = parseFile(path)
	return cpu, path, err
}

// nodeFile is the file of a node in a directory.
func nodeFile(dir, node string) (string, error) {
	if node == "" {
		return dir, &Error{Path: dir, What: "is a directory, and no node's name is known here",
			Way: fmt.Sprintf("set %s to one of its files", EnvCPUInfo)}
	}
	// A node's name is a file's name here; what leads out of the directory is
	// neither.
	if node == "." || node == ".." || strings.ContainsAny(node, "/\x00") {
		return dir, &Error{Path: dir, What: fmt.Sprintf("cannot have a file for node %q", node),
			Way: "a node's name has no slash"}
	}
	path := filepath.Join(dir, node)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return path, &Error{Path: path, What: fmt.Sprintf("does not exist: no file for node %s", node), Err: fs.ErrNotExist,
			Way: fmt.Sprintf("save that node's /proc/cpuinfo there, or unset %s", EnvCPUInfo)}
	}
	return path, nil
}

// unwrapPath drops the path that os repeats in its errors.
func unwrapPath(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func openHint(path string) string {
	if path == os.Getenv(EnvCPUInfo) || filepath.Dir(path) == filepath.Clean(os.Getenv(EnvCPUInfo)) {
		return fmt.Sprintf("%s names it; set it to a file that can be read, or unset it", EnvCPUInfo)
	}
	return "check its name and its permissions"
}
