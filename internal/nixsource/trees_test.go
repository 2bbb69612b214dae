package nixsource

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/jobspec"
)

func writeFile(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// settle makes the memory of a tree what it would be had nothing in the tree
// been changed for long, and waits until the file system's clock has moved on
// from the last change; the tree itself is not touched.
func settle(t *testing.T, m Memory, tree string) {
	t.Helper()
	look, err := nixtree.TakeFingerprint(tree)
	for now := int64(0); err == nil && now <= look.Newest; {
		now, _, err = nixtree.ClockOf(filepath.Dir(m.file(tree)))
	}
	if err != nil {
		t.Fatal(err)
	}
	file := m.file(tree)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, strings.Replace(string(data), `"settled":false`, `"settled":true`, 1))
}

// hashAs resolves a tree and checks its hash against one that was remembered by
// nobody, and why it was read.
func hashAs(t *testing.T, m Memory, tree string, want Why) Source {
	t.Helper()
	s, err := m.Resolve(jobspec.Pin{Kind: jobspec.Path, Path: tree}, "/")
	if err != nil {
		t.Fatal(err)
	}
	sri, err := nixtree.HashTree(tree)
	if err != nil {
		t.Fatal(err)
	}
	if s.Hash != sri || s.Hashed.Why != want {
		t.Errorf("hash %s, read because %q; want %s, %q", s.Hash, s.Hashed.Why, sri, want)
	}
	return s
}

// Every edit of a tree is noticed, also one that keeps sizes and sets the times
// of the files back.
func TestEditsAreNoticed(t *testing.T) {
	set := func(path string, at time.Time) {
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for what, edit := range map[string]func(dir string) error{
		"longer": func(d string) error { return os.WriteFile(d+"/a", []byte("longer"), 0o644) },
		"same size": func(d string) error {
			return os.WriteFile(d+"/a", []byte("two"), 0o644)
		},
		"same size, mtime set back": func(d string) error {
			st, err := os.Stat(d + "/a")
			if err != nil {
				return err
			}
			if err := os.WriteFile(d+"/a", []byte("two"), 0o644); err != nil {
				return err
			}
			return exec.Command("touch", "-d", st.ModTime().Format(time.RFC3339Nano), d+"/a").Run()
		},
		"same size, written into the file, all mtimes set back": func(d string) error {
			file, dir := mustStat(t, d+"/sub/b"), mustStat(t, d+"/sub")
			f, err := os.OpenFile(d+"/sub/b", os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			if _, err := f.WriteAt([]byte("X"), 0); err != nil {
				return err
			}
			set(d+"/sub/b", file.ModTime())
			set(d+"/sub", dir.ModTime())
			return f.Close()
		},
		"replaced by a file of the same times": func(d string) error {
			st := mustStat(t, d+"/a")
			if err := os.WriteFile(d+"/new", []byte("two"), 0o644); err != nil {
				return err
			}
			set(d+"/new", st.ModTime())
			return os.Rename(d+"/new", d+"/a")
		},
		"by another name of the file": func(d string) error {
			other := filepath.Join(filepath.Dir(d), "other")
			if err := os.Link(d+"/a", other); err != nil {
				return err
			}
			return os.WriteFile(other, []byte("two"), 0o644)
		},
		"executable": func(d string) error { return os.Chmod(d+"/a", 0o755) },
		"new file":   func(d string) error { return os.WriteFile(d+"/sub/deep/c", nil, 0o644) },
		"gone":       func(d string) error { return os.Remove(d + "/sub/b") },
		"renamed":    func(d string) error { return os.Rename(d+"/sub/b", d+"/sub/c") },
		"new link":   func(d string) error { return os.Symlink("a", d+"/sub/l") },
		"link to another": func(d string) error {
			if err := os.Remove(d + "/link"); err != nil {
				return err
			}
			return os.Symlink("b", d+"/link")
		},
	} {
		t.Run(what, func(t *testing.T) {
			m := Memory{Dir: filepath.Join(t.TempDir(), "trees")}
			dir := filepath.Join(t.TempDir(), "tree")
			writeFile(t, dir+"/a", "one")
			writeFile(t, dir+"/sub/b", "bbb")
			writeFile(t, dir+"/sub/deep/d", "d")
			if err := os.Symlink("a", dir+"/link"); err != nil {
				t.Fatal(err)
			}
			first := hashAs(t, m, dir, HashedFirst)
			settle(t, m, dir)
			if again := hashAs(t, m, dir, ""); again.Hashed.Files != 4 {
				t.Errorf("%d files, want 4", again.Hashed.Files)
			}
			if err := edit(dir); err != nil {
				t.Fatal(err)
			}
			if s := hashAs(t, m, dir, HashedChanged); s.Hash == first.Hash {
				t.Error("the edit changed nothing: it tests nothing")
			}
		})
	}
}

func mustStat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	st, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// Two changes within one tick of the clock leave the same times; so a tree that
// was changed a moment before it was read is read again.
func TestRecentChangesAreNotTrusted(t *testing.T) {
	m := Memory{Dir: filepath.Join(t.TempDir(), "trees")}
	dir := filepath.Join(t.TempDir(), "tree")
	writeFile(t, dir+"/a", "one")
	hashAs(t, m, dir, HashedFirst)
	hashAs(t, m, dir, HashedRecent)

	// The file system's own clock decides, and by it alone.
	writeFile(t, m.Dir+"/x", "")
	look, err := nixtree.TakeFingerprint(dir)
	if err != nil {
		t.Fatal(err)
	}
	now, dev, err := nixtree.ClockOf(m.Dir)
	theirs, derr := nixtree.DeviceOf(dir)
	if err != nil || derr != nil || dev != theirs {
		t.Fatalf("%v, %v, devices %d and %d", err, derr, dev, theirs)
	}
	if before := m.settledBefore(dir); before < now-int64(sameClock) || look.Newest > now {
		t.Errorf("settled before %d; now %d, the newest change %d", before, now, look.Newest)
	}
	if before := m.settledBefore("/proc"); before > time.Now().Add(-otherClock).UnixNano() {
		t.Error("another file system's clock is taken for this one's")
	}
}

// A memory that is damaged, or of another tree, is none.
func TestTreeMemoryIsChecked(t *testing.T) {
	m := Memory{Dir: filepath.Join(t.TempDir(), "trees")}
	dir := filepath.Join(t.TempDir(), "tree")
	writeFile(t, dir+"/a", "one")
	hashAs(t, m, dir, HashedFirst)
	settle(t, m, dir)
	good, err := os.ReadFile(m.file(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", "null", `{"schema":"x"}`, strings.Replace(string(good), "sha256-", "sha257-", 1)} {
		writeFile(t, m.file(dir), text)
		hashAs(t, m, dir, HashedFirst)
	}
	// What a program answers for a file system is not believed.
	if nixtree.TrustedTimes("/proc") || !nixtree.TrustedTimes(dir) {
		var st unix.Statfs_t
		_ = unix.Statfs(dir, &st)
		t.Errorf("/proc %v, %s (%x) %v", nixtree.TrustedTimes("/proc"), dir, st.Type, nixtree.TrustedTimes(dir))
	}
	// A pin's own hash is compared all the same.
	settle(t, m, dir)
	wrong := "sha256-" + strings.Repeat("A", 43) + "="
	if _, err := m.Resolve(jobspec.Pin{Kind: jobspec.Path, Path: dir, Hash: wrong}, "/"); err == nil {
		t.Error("a wrong hash was taken")
	}
}

// A socket in a tree is an error, remembered or not.
func TestTreeOfOddFiles(t *testing.T) {
	m := Memory{Dir: filepath.Join(t.TempDir(), "trees")}
	dir := filepath.Join(t.TempDir(), "tree")
	writeFile(t, dir+"/a", "one")
	if err := unix.Mkfifo(dir+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s, err := m.Resolve(jobspec.Pin{Kind: jobspec.Path, Path: dir}, "/"); err == nil || !strings.Contains(err.Error(), "pipe") {
			t.Errorf("%+v, %v", s, err)
		}
	}
}
