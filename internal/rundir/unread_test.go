package rundir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A project of this user's own above that cannot be looked at is not passed over
// for another; a stranger's is.
func TestNearUnread(t *testing.T) {
	top := t.TempDir()
	work := filepath.Join(top, "a", "b")
	up := filepath.Join(top, DirName)
	if err := errors.Join(os.MkdirAll(work, 0o700), os.Symlink(DirName, up)); err != nil {
		t.Fatal(err)
	}
	if p, err := Near(work); err == nil || !strings.Contains(err.Error(), top) {
		t.Errorf("%v, %v", p, err)
	}
	if err := os.Lchown(up, 65534, -1); err != nil {
		t.Fatal(err)
	}
	if p, err := Near(work); err != nil || p.Dir != filepath.Join(work, DirName) {
		t.Errorf("%v, %v", p, err)
	}
}

func TestHeldUnread(t *testing.T) {
	dir := t.TempDir()
	if there, held, err := Held(filepath.Join(dir, "none")); there || held || err != nil {
		t.Errorf("none: %v %v %v", there, held, err)
	}
	if _, _, err := Held(dir); err == nil {
		t.Error("a directory is a lock")
	}
	file := filepath.Join(dir, "alive")
	f, err := HoldAlive(file)
	if err != nil {
		t.Fatal(err)
	}
	if there, held, err := Held(file); !there || !held || err != nil {
		t.Errorf("held: %v %v %v", there, held, err)
	}
	f.Close()
	if there, held, err := Held(file); !there || held || err != nil {
		t.Errorf("left: %v %v %v", there, held, err)
	}
}

// A project that is gone is forgotten, one that cannot be looked at is not.
func TestProjectsUnread(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	gone, loop := Project{filepath.Join(dir, "gone")}, Project{filepath.Join(dir, "loop")}
	gone.Remember(state)
	if all, err := Projects(state); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if err := os.Symlink("loop", loop.Dir); err != nil {
		t.Fatal(err)
	}
	loop.Remember(state)
	for range 2 {
		if all, err := Projects(state); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), loop.Dir) {
			t.Errorf("%v, %v", all, err)
		}
	}
	if all, err := Projects(filepath.Join(dir, "never")); err != nil || all != nil {
		t.Errorf("%v, %v", all, err)
	}
}
