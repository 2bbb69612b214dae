package git_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/internal/git"
)

// Where a revision cannot be read, none is said: not an older one that is packed,
// nor that of a tree above.
func TestUnreadState(t *testing.T) {
	const old, now = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	top := t.TempDir()
	write := func(text string, path ...string) {
		t.Helper()
		file := filepath.Join(append([]string{top}, path...)...)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	work := filepath.Join(top, "a", "b")
	write("ref: refs/heads/main\n", ".git", "HEAD")
	write(old+" refs/heads/main\n", ".git", "packed-refs")
	if err := os.MkdirAll(work, 0o700); err != nil {
		t.Fatal(err)
	}
	rev := func() string {
		if s := git.State(work); s != nil {
			return s.Rev
		}
		return ""
	}
	if got := rev(); got != old {
		t.Errorf("packed: %q", got)
	}
	write(now+"\n", ".git", "refs", "heads", "main")
	if got := rev(); got != now {
		t.Errorf("loose: %q", got)
	}
	ref := filepath.Join(top, ".git", "refs", "heads", "main")
	if err := os.Remove(ref); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("main", ref); err != nil {
		t.Fatal(err)
	}
	if got := rev(); got != "" {
		t.Errorf("not to be read: %q", got)
	}
	write(now+"\n", ".git", "HEAD")
	if err := os.Symlink(".git", filepath.Join(work, ".git")); err != nil {
		t.Fatal(err)
	}
	if got := rev(); got != "" {
		t.Errorf("below a tree: %q", got)
	}
}
