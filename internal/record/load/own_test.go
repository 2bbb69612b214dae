package load_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// A record that somebody hands over never makes the reader's own files be read,
// whatever it lacks and whatever it names: only a run where it ran does.
func TestDataOfThisMachine(t *testing.T) {
	dir := t.TempDir()
	run := recordtest.Make(t, dir, recordtest.Options{})
	secret := filepath.Join(dir, "home", "secret")
	if err := errors.Join(os.MkdirAll(filepath.Dir(secret), 0o700), os.WriteFile(secret, []byte("secret"), 0o600)); err != nil {
		t.Fatal(err)
	}
	read := func(path, name string) (string, error) {
		t.Helper()
		r, err := load.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		in, err := r.Data("input", name)
		if err != nil {
			return "", err
		}
		defer in.Close()
		data, err := io.ReadAll(in)
		return string(data), err
	}
	if got, err := read(run.Dir, "water.xyz"); err != nil || got != recordtest.Input() {
		t.Errorf("where it ran: %q, %v", got, err)
	}
	if got, err := read(run.Dir, secret); err != nil || got != "secret" {
		t.Errorf("where it ran, by its whole path: %q, %v", got, err)
	}
	copied := func(to string) string {
		t.Helper()
		to = filepath.Join(dir, to)
		if err := os.CopyFS(to, os.DirFS(run.Dir)); err != nil {
			t.Fatal(err)
		}
		return to
	}
	names := func(path, workDir string) {
		t.Helper()
		file := filepath.Join(path, facts.SubmitFile)
		var s facts.Submit
		data, err := os.ReadFile(file)
		if err = errors.Join(err, json.Unmarshal(data, &s)); err != nil {
			t.Fatal(err)
		}
		s.Priv.Dir = workDir
		if data, err = json.Marshal(s); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	export := copied("export")
	inProject := copied("other/.nixbatch/runs/" + recordtest.ID)
	otherName := copied("water/.nixbatch/runs/" + recordtest.ID + "x")
	loose := copied("loose/.nixbatch/runs/" + recordtest.ID)
	if err := os.Chmod(filepath.Join(dir, "loose", ".nixbatch"), 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "other2", ".nixbatch", "runs", recordtest.ID)
	if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o700), os.Symlink(run.Dir, link)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{export, inProject, otherName, loose} {
		names(p, filepath.Dir(secret))
	}
	for _, p := range []string{export, inProject, otherName, loose, link} {
		for _, name := range []string{"secret", secret, "water.xyz"} {
			if got, err := read(p, name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s, %s: %q, %v", p, name, got, err)
			}
		}
	}
	for path, want := range map[string]bool{run.Dir: true, export: false, otherName: false, loose: false, link: false, filepath.Join(dir, "none"): false} {
		if got := rundir.Own(path, recordtest.ID); got != want {
			t.Errorf("%s is the reader's own: %t", path, got)
		}
	}
}
