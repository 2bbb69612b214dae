package git_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/git"
	"github.com/nixbatch/nixbatch/internal/proc"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What git itself leaves is read as git reads it: on a branch, packed, detached,
// and in a linked work tree.
func TestAgainstGit(t *testing.T) {
	dir := t.TempDir()
	run := func(where string, args ...string) string {
		t.Helper()
		res, err := proc.System{}.Run(t.Context(), proc.Cmd{Path: "git", Args: append([]string{"-C", where, "-c", "user.name=x", "-c", "user.email=x@example.org"}, args...),
			Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1"}})
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(res.Stdout))
	}
	tree, linked := filepath.Join(dir, "tree"), filepath.Join(dir, "linked")
	write(t, tree, "sub/file", "1")
	run(tree, "init", "-q", "-b", "main")
	if s := git.State(tree); s != nil {
		t.Errorf("before the first commit: %+v", s)
	}
	run(tree, "add", ".")
	run(tree, "commit", "-q", "-m", "one")
	check := func(what, where string) {
		t.Helper()
		if s, want := git.State(where), run(where, "rev-parse", "HEAD"); s == nil || s.Rev != want || s.Clean == "" {
			t.Errorf("%s: %+v, want %s", what, s, want)
		}
	}
	check("on a branch", filepath.Join(tree, "sub"))
	run(tree, "worktree", "add", "-q", linked, "-b", "feature/x")
	run(linked, "commit", "-q", "--allow-empty", "-m", "two")
	check("in a linked work tree", linked)
	run(tree, "pack-refs", "--all")
	check("packed", tree)
	check("linked and packed", linked)
	run(tree, "checkout", "-q", "--detach")
	check("detached", tree)
}

// What is no revision is none.
func TestNotARevision(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no tree":               {"file": ""},
		"a short commit":        {".git/HEAD": "abc123\n"},
		"a branch without one":  {".git/HEAD": "ref: refs/heads/main\n"},
		"a file that is no way": {".git": "somewhere\n"},
		"a way to nowhere":      {".git": "gitdir: nowhere\n"},
	} {
		dir := t.TempDir()
		for f, text := range files {
			write(t, dir, f, text)
		}
		if s := git.State(dir); s != nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
