package nixtree_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/nixtree"
)

func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := errors.Join(os.Mkdir(filepath.Join(dir, "sub"), 0o755), os.WriteFile(filepath.Join(dir, "sub", "file"), []byte("1"), 0o644),
		os.WriteFile(filepath.Join(dir, ".hidden"), nil, 0o755), os.Symlink("sub", filepath.Join(dir, "link")))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Equal trees have equal hashes, wherever they lie; whatever Nix sees changes
// them, and what it does not see does not.
func TestHashTree(t *testing.T) {
	first := tree(t)
	want, err := nixtree.HashTree(first)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(dir string) error
		same   bool
	}{
		"nothing":        {func(string) error { return nil }, true},
		"a time":         {func(d string) error { return os.Chtimes(filepath.Join(d, "sub", "file"), time.Time{}, time.Unix(1, 0)) }, true},
		"who may read":   {func(d string) error { return os.Chmod(filepath.Join(d, "sub", "file"), 0o600) }, true},
		"contents":       {func(d string) error { return os.WriteFile(filepath.Join(d, "sub", "file"), []byte("2"), 0o644) }, false},
		"who may run it": {func(d string) error { return os.Chmod(filepath.Join(d, "sub", "file"), 0o755) }, false},
		"a hidden file":  {func(d string) error { return os.Remove(filepath.Join(d, ".hidden")) }, false},
		"a name": {func(d string) error {
			return os.Rename(filepath.Join(d, "sub", "file"), filepath.Join(d, "sub", "fil"))
		}, false},
		"a link": {func(d string) error {
			return errors.Join(os.Remove(filepath.Join(d, "link")), os.Symlink("./sub", filepath.Join(d, "link")))
		}, false},
	} {
		dir := tree(t)
		if err := tc.change(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := nixtree.HashTree(dir); err != nil || (got == want) != tc.same {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(first, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := nixtree.HashTree(first); err == nil {
		t.Errorf("a pipe has the hash %s", got)
	}
}

// Every change shows in a fingerprint, also one whose time was set back.
func TestFingerprint(t *testing.T) {
	dir := tree(t)
	before, err := nixtree.TakeFingerprint(dir)
	if err != nil || before.Files != 3 || before.Newest == 0 {
		t.Fatalf("%+v, %v", before, err)
	}
	if again, err := nixtree.TakeFingerprint(dir); err != nil || again != before {
		t.Errorf("%+v, %v", again, err)
	}
	file := filepath.Join(dir, "sub", "file")
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(file, []byte("2"), 0o644), os.Chtimes(file, time.Time{}, st.ModTime())); err != nil {
		t.Fatal(err)
	}
	after, err := nixtree.TakeFingerprint(dir)
	if err != nil || after.Sum == before.Sum && after.Newest == before.Newest {
		t.Errorf("%+v, %v", after, err)
	}
	if _, err := nixtree.TakeFingerprint(filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

func TestToSRI(t *testing.T) {
	const hash = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" // of abc
	if got := nixtree.ToSRI("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); got != hash {
		t.Errorf("from hex: %s", got)
	}
	if got := nixtree.ToSRI("what is this"); got != "what is this" {
		t.Errorf("got %s", got)
	}
}
