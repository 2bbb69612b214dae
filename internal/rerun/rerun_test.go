package rerun

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nix-community/go-nix/pkg/nar"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
)

func opened(t *testing.T) (*load.Record, recordtest.Run) {
	t.Helper()
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	run.Seal(t)
	r, err := load.Open(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, run
}

// mendable is an error with a way out.
func mendable(t *testing.T, err error, words string) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || !strings.Contains(e.Message, words) || e.Way == "" {
		t.Errorf("%v, want %q", err, words)
	}
}

func TestNotEmpty(t *testing.T) {
	r, _ := opened(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Prepare(context.Background(), r, Options{Dir: dir})
	mendable(t, err, "not empty")
}

func TestLay(t *testing.T) {
	r, run := opened(t)
	sum := digest.Bytes([]byte(recordtest.Input()))
	in := facts.File{Path: "water.xyz", Size: int64(len(recordtest.Input())), SHA256: sum}
	// One that lies beside the job's directory.
	up := in
	up.Path = "../basis/sto-3g"
	if err := errors.Join(os.MkdirAll(filepath.Join(run.WorkDir, "../basis"), 0o700), os.WriteFile(filepath.Join(run.WorkDir, up.Path), []byte(recordtest.Input()), 0o600)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new")
	file, err := lay(r, dir, []facts.File{in, up})
	if err != nil || file != filepath.Join(dir, "work", "water.yaml") {
		t.Fatalf("%s, %v", file, err)
	}
	for _, name := range []string{"work/water.xyz", "basis/sto-3g"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != recordtest.Input() {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if data, err := os.ReadFile(file); err != nil || !bytes.Equal(data, r.Job) {
		t.Errorf("the job file is another: %v", err)
	}
	// What has no hash, is not there, or is not what it was, is refused.
	bad := func(f facts.File, words string) {
		t.Helper()
		_, err := lay(r, filepath.Join(t.TempDir(), "x"), []facts.File{f})
		mendable(t, err, words)
	}
	bad(facts.File{Path: "water.xyz", Skipped: "over the limit"}, "no hash on record")
	bad(facts.File{Path: "none", SHA256: sum, Size: 1}, "not to be had")
	bad(facts.File{Path: "/no/such/file", SHA256: sum, Size: 1}, "not here as it was")
	bad(facts.File{Path: "water.out", SHA256: sum, Size: in.Size}, "not what the run read")
}

// A record whose job's name or input leads out writes nothing outside.
func TestLayStaysInside(t *testing.T) {
	r, _ := opened(t)
	r.Plan.Name = "../evil"
	parent := t.TempDir()
	_, err := lay(r, filepath.Join(parent, "a"), nil)
	mendable(t, err, "no file name")
	if names, _ := os.ReadDir(parent); len(names) != 1 {
		t.Errorf("%v", names)
	}
}

func TestUnpack(t *testing.T) {
	from := filepath.Join(t.TempDir(), "tree")
	if err := errors.Join(os.MkdirAll(filepath.Join(from, "sub"), 0o700), os.WriteFile(filepath.Join(from, "sub", "run"), []byte("x"), 0o755),
		os.WriteFile(filepath.Join(from, "a"), nil, 0o644), os.Symlink("/etc/passwd", filepath.Join(from, "link"))); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := nar.DumpPath(&b, from); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "out")
	if err := unpack(bytes.NewReader(b.Bytes()), to); err != nil {
		t.Fatal(err)
	}
	want, err := nixtree.HashTree(from)
	got, err2 := nixtree.HashTree(to)
	if err != nil || err2 != nil || got != want {
		t.Errorf("%s, want %s (%v, %v)", got, want, err, err2)
	}
	if err := unpack(bytes.NewReader(b.Bytes()[:b.Len()/2]), filepath.Join(t.TempDir(), "cut")); err == nil {
		t.Error("a NAR that is cut off is unpacked")
	}
	// A name with a slash in it, which no NAR may have.
	evil := bytes.Replace(b.Bytes(), []byte("\x03\x00\x00\x00\x00\x00\x00\x00sub\x00\x00\x00\x00\x00"), []byte("\x05\x00\x00\x00\x00\x00\x00\x00../up\x00\x00\x00"), 1)
	if bytes.Equal(evil, b.Bytes()) {
		t.Fatal("the name was not found")
	}
	parent := t.TempDir()
	if err := unpack(bytes.NewReader(evil), filepath.Join(parent, "out")); err == nil {
		t.Error("a name that leads out is unpacked")
	}
	if _, err := os.Lstat(filepath.Join(parent, "up")); err == nil {
		t.Error("it was written outside")
	}
}

// A record that was changed since it was sealed is not run.
func TestChanged(t *testing.T) {
	_, run := opened(t)
	dir := t.TempDir()
	full := exported(t, run, filepath.Join(dir, "full"), false)
	file := filepath.Join(full, "plan.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{full, run.Dir} {
		file := filepath.Join(path, "plan.json")
		if err := errors.Join(os.Chmod(file, 0o600), os.WriteFile(file, bytes.Replace(data, []byte(`"dispatch"`), []byte(`"common"`), 1), 0o600)); err != nil {
			t.Fatal(err)
		}
		refused(t, path, "plan.json was changed")
	}
	if err := errors.Join(os.WriteFile(file, data, 0o600), os.Remove(filepath.Join(full, seal.SealFile))); err != nil {
		t.Fatal(err)
	}
	refused(t, full, "every export has a seal")
}

func refused(t *testing.T, path, words string) {
	t.Helper()
	r, err := load.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	to := filepath.Join(t.TempDir(), "new")
	_, err = Prepare(context.Background(), r, Options{Dir: to})
	if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), words) || !strings.Contains(fault.Hint(err), "record verify ") {
		t.Errorf("%v, want %q", err, words)
	}
	if _, err := os.Lstat(to); err == nil {
		t.Error("it was laid out all the same")
	}
}

func exported(t *testing.T, run recordtest.Run, out string, redact bool) string {
	t.Helper()
	r, err := load.Open(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := export.Write(t.Context(), r, export.Options{Format: "json", Out: out, Redact: redact}); err != nil {
		t.Fatal(err)
	}
	return out
}

// A redacted export without values of env: names what it lacks.
func TestRedactedEnv(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Env: []facts.Var{{Name: "TOKEN", Value: "secret", From: "job file"}, {Name: "EMPTY", From: "job file"}}})
	run.Seal(t)
	for _, redact := range []bool{true, false} {
		r, err := load.Open(exported(t, run, filepath.Join(t.TempDir(), "x"), redact))
		if err != nil {
			t.Fatal(err)
		}
		err = new(Again).trust(r)
		if redact {
			mendable(t, err, "the job file gives to TOKEN")
		} else if err != nil {
			t.Error(err)
		}
		r.Close()
	}
}

// Which file of an export was changed is told.
func TestChangedInput(t *testing.T) {
	_, run := opened(t)
	full := exported(t, run, filepath.Join(t.TempDir(), "full"), false)
	if err := os.WriteFile(filepath.Join(full, "inputs", "water.xyz"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := load.Open(full)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, err = Prepare(context.Background(), r, Options{Dir: filepath.Join(t.TempDir(), "new")})
	mendable(t, err, "not what the run read")
	var e *fault.Error
	if errors.As(err, &e) && !strings.Contains(e.Way, "inputs/water.xyz in the export was changed: restore") {
		t.Error(e.Way)
	}
}
