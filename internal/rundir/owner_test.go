package rundir

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
)

// What lies in .nixbatch is run: only a directory of one's own is taken.
func TestProjectOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test gives files to another user: run it as root")
	}
	const other = 65534
	top := t.TempDir()
	if err := os.Chmod(top, 0o777); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(top, "a", "b")
	for _, err := range []error{os.MkdirAll(below, 0o755), os.Mkdir(filepath.Join(top, DirName), 0o700), os.Chown(filepath.Join(top, DirName), other, other)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	// Another user's further up is passed over.
	p, err := Near(below)
	if err != nil || p.Dir != filepath.Join(below, DirName) {
		t.Errorf("below another user's project: %v, %v", p, err)
	}
	// In the directory itself it is refused, as are the rest.
	here := filepath.Join(top, DirName)
	refused := func(what string) {
		t.Helper()
		var e *fault.Error
		if _, err := Near(top); !asError(err, &e) || e.Hint() == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("another user's")
	if err := os.Chown(here, 0, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Near(top); err != nil {
		t.Errorf("one's own: %v", err)
	}
	if p, err := Near(below); err != nil || p.Dir != here {
		t.Errorf("below one's own: %v, %v", p, err)
	}
	if err := os.Chmod(here, 0o777); err != nil {
		t.Fatal(err)
	}
	refused("one that all may write to")
	if err := os.Remove(here); err != nil {
		t.Fatal(err)
	}
	theirs := t.TempDir()
	for _, err := range []error{os.Chown(theirs, other, other), os.Symlink(theirs, here)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	refused("a link to another user's directory")
	scratch := t.TempDir()
	for _, err := range []error{os.Chmod(scratch, 0o700), os.Remove(here), os.Symlink(scratch, here)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if p, err := Near(top); err != nil || p.Dir != here {
		t.Errorf("a link of one's own: %v, %v", p, err)
	}
	if err := os.Lchown(here, other, other); err != nil {
		t.Fatal(err)
	}
	refused("another user's link to one's own directory")
	for _, err := range []error{os.Remove(here), os.WriteFile(here, nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	refused("a file")
}

func asError(err error, e **fault.Error) bool {
	x, ok := err.(*fault.Error)
	*e = x
	return ok
}
