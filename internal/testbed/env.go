package testbed

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// DirVar names the cluster's directory to programs that have its environment,
// in which the usual places for it (TMPDIR, XDG_RUNTIME_DIR) have changed.
const DirVar = "NIXBATCH_TESTBED_DIR"

// Env is the whole environment of a program that is to use the cluster: this
// process's own, without what speaks of another Slurm, Nix or home, and with
// Vars. PATH stays as it is.
func (c *Cluster) Env() []string {
	vars := c.Vars()
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		_, set := vars[name]
		return set || dropped(name)
	})
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, name+"="+vars[name])
	}
	return env
}

// Vars are the variables that Env sets. Commands find the munge socket through
// slurm.conf. With an empty NIX_REMOTE root uses the store directly, others
// do so where they may write to it and else ask the Nix daemon.
func (c *Cluster) Vars() map[string]string {
	home := c.path("home")
	vars := map[string]string{
		DirVar:                c.Dir,
		"SLURM_CONF":          c.path("slurm.conf"),
		"NIX_CONF_DIR":        c.path("nix"),
		"NIX_USER_CONF_FILES": "",
		"NIX_REMOTE":          "",
		"NIX_PATH":            "",
		"HOME":                home,
		"XDG_CONFIG_HOME":     home + "/.config",
		"XDG_CACHE_HOME":      home + "/.cache",
		"XDG_DATA_HOME":       home + "/.local/share",
		"XDG_STATE_HOME":      home + "/.local/state",
		"XDG_CONFIG_DIRS":     home + "/.config",
		"XDG_RUNTIME_DIR":     c.path("run/user"),
		"TMPDIR":              c.path("tmp"),
	}
	if st, err := os.Stat(c.path("cpuinfo")); err == nil && st.IsDir() {
		vars["NIXBATCH_CPUINFO"] = c.path("cpuinfo")
	}
	// Go's caches are found through HOME; a cold one in the cluster's directory
	// would want the network, and is read-only.
	for name, value := range goCaches() {
		vars[name] = value
	}
	return vars
}

// Unset names the variables of this process that Env leaves out, sorted.
func (c *Cluster) Unset() []string {
	vars, names := c.Vars(), []string{}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if _, set := vars[name]; !set && dropped(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func dropped(name string) bool {
	for _, prefix := range []string{"SLURM", "SBATCH_", "SRUN_", "SALLOC_", "SQUEUE_", "SACCT_", "SINFO_", "SCANCEL_",
		"PMI_", "PMIX_", "MUNGE_", "NIX_", "NIXPKGS_", "NIXBATCH_", "IN_NIX_SHELL", "XDG_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func goCaches() map[string]string {
	caches := map[string]string{}
	if home, err := os.UserHomeDir(); err == nil && os.Getenv("GOPATH") == "" {
		caches["GOPATH"] = filepath.Join(home, "go")
	}
	if cache, err := os.UserCacheDir(); err == nil && os.Getenv("GOCACHE") == "" {
		caches["GOCACHE"] = filepath.Join(cache, "go-build")
	}
	return caches
}

// SetCPUInfo makes a saved /proc/cpuinfo the one of a node, or of every node of
// a class: a copy of file at DIR/cpuinfo/NODE. From then on Env sets
// NIXBATCH_CPUINFO to DIR/cpuinfo, which nixbatch carries into its jobs.
func (c *Cluster) SetCPUInfo(name, file string) error {
	nodes := []string{}
	for _, cl := range c.Classes {
		if cl.Name == name {
			nodes = cl.NodeNames()
		}
	}
	if slices.Contains(c.NodeNames(), name) {
		nodes = []string{name}
	}
	if len(nodes) == 0 {
		return fmt.Errorf("cpuinfo: the cluster has no class and no node %q", name)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("cpuinfo of %s: %w", name, err)
	}
	if err := os.MkdirAll(c.path("cpuinfo"), 0o700); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := os.WriteFile(c.path("cpuinfo", n), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
