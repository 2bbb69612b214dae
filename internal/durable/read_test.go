package durable_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/durable"
)

// What is not there, what is, and what cannot be read are three answers.
func TestReadIf(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole, cut := write("whole.json", `{"n": 7}`), write("cut.json", `{"n": `)
	// A file where a directory should be: root cannot read below it either.
	below := filepath.Join(whole, "fact.json")
	var v struct{ N int }
	for _, tc := range []struct {
		path  string
		there bool
		err   string
	}{
		{whole, true, ""}, {filepath.Join(dir, "none.json"), false, ""}, {cut, true, "cut.json"}, {below, true, "fact.json"},
	} {
		there, err := durable.ReadIf(tc.path, &v)
		if there != tc.there || (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %v, %v", filepath.Base(tc.path), there, err)
		}
	}
	if v.N != 7 {
		t.Errorf("read %+v", v)
	}
	for path, want := range map[string]bool{whole: true, filepath.Join(dir, "none"): false} {
		if there, err := durable.There(path); err != nil || there != want {
			t.Errorf("%s: %v, %v", path, there, err)
		}
	}
	for path, want := range map[string]int{dir: 2, filepath.Join(dir, "none"): 0} {
		all, err := durable.List(path)
		if err != nil || len(all) != want {
			t.Errorf("%s: %v, %v", path, all, err)
		}
		if st, err := durable.Stat(path); err != nil || (st != nil) != (want > 0) {
			t.Errorf("%s: %v, %v", path, st, err)
		}
	}
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{below, loop} {
		if _, err := durable.List(path); err == nil || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %v", path, err)
		}
		if st, err := durable.Stat(path); err == nil || st != nil || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %v, %v", path, st, err)
		}
	}
	if there, err := durable.There(below); err == nil || there || !strings.Contains(err.Error(), "fact.json") {
		t.Errorf("below a file: %v, %v", there, err)
	}
}
