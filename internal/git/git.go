package git

import (
	"bufio"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/lazyre"
)

var commitRE = lazyre.New(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// State finds the commit that the work tree around dir stands at, by reading
// files alone (gitrepository-layout(5)); nil where there is none, and where it
// cannot be read.
func State(dir string) *facts.Git {
	for d := dir; ; d = filepath.Dir(d) {
		git := filepath.Join(d, ".git")
		st, err := durable.Stat(git)
		if err != nil {
			return nil // it may be one, and that of a directory above would be another
		}
		if st != nil {
			if !st.IsDir() {
				// A linked work tree or a submodule: a file that names the place.
				text, err := durable.ReadFile(git)
				to, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
				if err != nil || !ok {
					return nil
				}
				if git = to; !filepath.IsAbs(to) {
					git = filepath.Join(d, to)
				}
			}
			if rev := head(git); rev != "" {
				return &facts.Git{Rev: rev, Clean: "not looked at"}
			}
			return nil
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

func head(git string) string {
	text, err := durable.ReadFile(filepath.Join(git, "HEAD"))
	if err != nil {
		return ""
	}
	rev := strings.TrimSpace(string(text))
	ref, symbolic := strings.CutPrefix(rev, "ref: ")
	if !symbolic {
		return commit(rev)
	}
	dirs := []string{git}
	common, err := durable.ReadFile(filepath.Join(git, "commondir"))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return ""
	case err == nil:
		c := strings.TrimSpace(string(common))
		if !filepath.IsAbs(c) {
			c = filepath.Join(git, c)
		}
		dirs = append(dirs, c)
	}
	for _, d := range dirs {
		text, err := durable.ReadFile(filepath.Join(d, filepath.FromSlash(ref)))
		if err == nil {
			return commit(strings.TrimSpace(string(text)))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "" // packed-refs may say what was
		}
		f, err := durable.Open(filepath.Join(d, "packed-refs"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return ""
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if rev, name, ok := strings.Cut(lines.Text(), " "); ok && name == ref {
				return commit(rev)
			}
		}
	}
	return ""
}

func commit(s string) string {
	if commitRE.MatchString(s) {
		return s
	}
	return ""
}
