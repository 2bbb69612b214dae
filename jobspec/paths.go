package jobspec

import (
	"path"
	"strings"

	"github.com/nixbatch/nixbatch/internal/paths"
)

// paths reads a list of file names; none may be there twice, however written.
func (d *decoder) paths(where string, n *node, check func(s string) (problem, hint string)) []string {
	seen := map[string]string{}
	return d.Texts(where, "file name", n, func(s string) (string, string) {
		if problem, hint := check(s); problem != "" {
			return problem, hint
		}
		clean := path.Clean(s)
		if first, twice := seen[clean]; twice && first != s {
			return "is the same file as " + shown(first), "remove one of them"
		}
		seen[clean] = s
		return "", ""
	})
}

// localPath reads the path of a directory on this machine.
func (d *decoder) localPath(where string, n *node) (string, bool) {
	s, ok := d.Text(where, n, "a directory")
	if !ok {
		return "", false
	}
	if problem, hint := paths.Tilde(s); problem != "" {
		d.Add(n.Pos, hint, "%s: %s %s", where, shown(s), problem)
		return "", false
	}
	if strings.HasPrefix(s, "<") {
		d.Add(n.Pos, pinHint("github:NixOS/nixpkgs/REV"), "%s: %s is looked up in NIX_PATH: %s", where, shown(s), unpinned)
		return "", false
	}
	return s, true
}
