package jobspec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// ownDir is where nixbatch keeps its runs, beside the job file.
const ownDir = ".nixbatch"

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
	if problem, hint := checkTilde(s); problem != "" {
		d.Add(n.Pos, hint, "%s: %s %s", where, shown(s), problem)
		return "", false
	}
	if strings.HasPrefix(s, "<") {
		d.Add(n.Pos, pinHint("github:NixOS/nixpkgs/REV"), "%s: %s is looked up in NIX_PATH: %s", where, shown(s), unpinned)
		return "", false
	}
	return s, true
}

func checkTilde(s string) (problem, hint string) {
	if s == "~" || strings.HasPrefix(s, "~/") {
		return "begins with ~, which only a shell expands", "write the whole path, or ./~ if that is its name"
	}
	return "", ""
}

// checkInput refuses a pattern: which files a job reads has to be known.
func checkInput(s string) (problem, hint string) {
	if strings.ContainsAny(s, "*?") {
		return "is a pattern: inputs are the names of files", "name each file"
	}
	return checkTilde(s)
}

var (
	separators = lazyre.New(`[/{},]`)
	absolute   = lazyre.New(`[{,]/`) // as an alternative
)

// checkOutput refuses what is not below the job's directory, or is ours, also
// where that is one of several alternatives ({..,a}) or behind a backslash.
func checkOutput(s string) (problem, hint string) {
	bare := strings.ReplaceAll(s, `\`, "")
	parts := separators.Split(bare, -1)
	switch {
	case !doublestar.ValidatePattern(s):
		return "is not a pattern: a bracket is not closed, or it ends in a backslash", `write \[ for a bracket that is meant as it is`
	case expansions(s) > maxExpansions:
		return fmt.Sprintf("stands for more than %d patterns", maxExpansions), "fewer alternatives between braces; or * instead of them"
	case path.IsAbs(bare) || strings.HasPrefix(bare, "{") && absolute.MatchString(bare):
		return "is absolute: outputs are below the directory of the job file", ""
	case slices.Contains(parts, ".."):
		return "leads out of the directory of the job file", ""
	case slices.Contains(parts, ownDir):
		return "is inside " + ownDir + ", which belongs to nixbatch", ""
	case path.Clean(bare) == ".":
		return "is the directory of the job file itself", "name files, or a directory below it"
	}
	return checkTilde(s)
}

// maxExpansions is how many patterns one with alternatives may stand for: each
// is looked for by itself, {a,b} twenty times in a row a million times.
const maxExpansions = 1000

// expansions is how many patterns without braces one stands for, or any number
// above maxExpansions.
func expansions(s string) int {
	n, _ := alternatives(s, 0)
	return n
}

// alternatives counts from i to the end of s, or of the braces that it is in.
func alternatives(s string, i int) (n, end int) {
	sum, n := 0, 1
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			var in int
			in, i = alternatives(s, i+1)
			n = min(n*in, maxExpansions+1)
		case ',':
			sum, n = min(sum+n, maxExpansions+1), 1
		case '}':
			return min(sum+n, maxExpansions+1), i
		}
	}
	return min(sum+n, maxExpansions+1), i
}
