package internal_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// most is how many lines of code a package may have: more cannot be held in the
// head. A line of code is one, of a file that is no test, that is neither blank
// nor only a comment.
const most = 2000

func TestPackagesAreSmall(t *testing.T) {
	lines := map[string]int{}
	err := filepath.WalkDir("..", func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "testdata" || e.Name() == "build" || e.Name() == ".git"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		lines[filepath.Dir(file)] += code(text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) < 20 {
		t.Fatalf("only %d packages were found", len(lines))
	}
	for folder, n := range lines {
		if n > most {
			t.Errorf("%s has %d lines of code, and %d are the most: part it", strings.TrimPrefix(folder, "../"), n, most)
		}
	}
}

// code is how many lines of a file are neither blank nor only a comment.
func code(text []byte) (n int) {
	for l := range bytes.Lines(text) {
		if l = bytes.TrimSpace(l); len(l) > 0 && !bytes.HasPrefix(l, []byte("//")) {
			n++
		}
	}
	return n
}

func TestCode(t *testing.T) {
	if n := code([]byte("// Package x.\npackage x\n\n\t// what\n\tx := 1 // why\n}\n")); n != 3 {
		t.Errorf("%d lines of code, not 3", n)
	}
}
