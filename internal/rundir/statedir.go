package rundir

import "path/filepath"

// StateDir is the user's directory for what can be had again (XDG Base
// Directory Specification); "" where there is none.
func StateDir(getenv func(string) string) string {
	base := getenv("XDG_STATE_HOME")
	if base == "" {
		home := getenv("HOME")
		if home == "" {
			return ""
		}
		base = filepath.Join(home, ".local", "state")
	}
	if !filepath.IsAbs(base) {
		return ""
	}
	return filepath.Join(base, "nixbatch")
}
