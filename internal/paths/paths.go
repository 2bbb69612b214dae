// Package paths checks the names of files and the patterns that job files have.
//
// It promises that nothing it lets through as an output leads out of the job's
// directory, into nixbatch's own, or stands for more patterns than can be looked
// for. It never looks at a file.
package paths

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

// Tilde refuses a name that a shell would make another one of.
func Tilde(s string) (problem, hint string) {
	if s == "~" || strings.HasPrefix(s, "~/") {
		return "begins with ~, which only a shell expands", "write the whole path, or ./~ if that is its name"
	}
	return "", ""
}

// File refuses a pattern where one file is meant.
func File(s string) (problem, hint string) {
	if strings.ContainsAny(s, "*?") {
		return "is a pattern, and one file belongs here", "name the file"
	}
	return Tilde(s)
}

// Input lets the name of a file or directory through, and a pattern that can be
// looked for.
func Input(s string) (problem, hint string) {
	s = strings.TrimPrefix(s, "!")
	switch {
	case s == "":
		return "names nothing", ""
	case strings.ContainsAny(s, "*?") && !doublestar.ValidatePattern(s):
		return "is not a pattern: a bracket is not closed, or it ends in a backslash", `write \[ for a bracket that is meant as it is`
	case expansions(s) > maxExpansions:
		return fmt.Sprintf("stands for more than %d patterns", maxExpansions), "fewer alternatives between braces; or * instead of them"
	}
	return Tilde(s)
}

var (
	separators = lazyre.New(`[/{},]`)
	absolute   = lazyre.New(`[{,]/`) // as an alternative
)

// Output refuses what is not below the job's directory, or is ours, also
// where that is one of several alternatives ({..,a}) or behind a backslash.
func Output(s string) (problem, hint string) {
	if s = strings.TrimPrefix(s, "!"); s == "" {
		return "names nothing", ""
	}
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
	return Tilde(s)
}

// Among reports whether a name, or a pattern of several, is of what the outputs of
// a job are.
func Among(outputs []string, file string) bool {
	return slices.ContainsFunc(outputs, func(o string) bool {
		one, err := doublestar.Match(o, file)
		other, oerr := doublestar.Match(file, o)
		return o == file || one && err == nil || other && oerr == nil
	})
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
