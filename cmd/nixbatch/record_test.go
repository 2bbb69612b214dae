package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/ui"
)

// at is a directory with the environment of a user in it.
type at struct {
	t   *testing.T
	dir string
	env []string
}

// nixbatch runs the program, and checks its exit code.
func (a at) nixbatch(code int, args ...string) []byte {
	a.t.Helper()
	env := a.env
	if slices.Contains(args, "--local") {
		// The simulated CPUs are the nodes', not this machine's.
		env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.HasPrefix(kv, "NIXBATCH_CPUINFO=") })
	}
	res, err := proc.System{}.Run(a.t.Context(), proc.Cmd{Path: bin(a.t), Args: args, Dir: a.dir, Env: env})
	got := 0
	var pe *proc.Error
	if errors.As(err, &pe) {
		got = pe.ExitCode
	}
	if got != code {
		a.t.Fatalf("nixbatch %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, res.Stdout, res.Stderr)
	}
	return res.Stdout
}

func (a at) json(v any, code int, args ...string) {
	a.t.Helper()
	out := a.nixbatch(code, append(args, "--json")...)
	if err := json.Unmarshal(out, v); err != nil {
		a.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func bin(t *testing.T) string { return filepath.Join(bed(t).Dir, "bin", "nixbatch") }

// other is an empty directory of somebody else, who has none of the submitter's
// files and nothing that their nixbatch remembers.
func other(t *testing.T) at {
	t.Helper()
	dir := t.TempDir()
	env, err := place(bed(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "minipkgs")); err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(dir, "again")
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	return at{t, work, env}
}

// A run of the water example is exported, verified where neither Nix nor Slurm
// is, and run again from the export alone: with the same build it gives the
// same energy, with another within its tolerance.
func TestWaterFromItsExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env, err := place(bed(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	me := at{t, filepath.Join(dir, "water"), env}
	if err := os.CopyFS(me.dir, os.DirFS(filepath.Join("..", "..", "examples", "water"))); err != nil {
		t.Fatal(err)
	}
	me.nixbatch(0, "submit", "--wait", "water.yaml")
	me.nixbatch(0, "record", "verify")
	out := t.TempDir()
	full, redacted, crate := filepath.Join(out, "full.zip"), filepath.Join(out, "redacted.zip"), filepath.Join(out, "crate")
	me.nixbatch(0, "record", "export", "-o", full)
	me.nixbatch(0, "record", "export", "-o", redacted, "--redact")
	me.nixbatch(0, "record", "export", "--format=ro-crate", "-o", crate)
	me.nixbatch(2, "record", "export", "-o", full) // nothing is replaced
	me.nixbatch(2, "record", "seal")               // it is sealed already
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}

	bare := at{t, out, []string{"PATH=/nowhere"}}
	for _, file := range []string{full, redacted, crate} {
		var rep check.Report
		bare.json(&rep, 0, "record", "verify", file)
		if !rep.OK {
			t.Errorf("%s: %+v", file, rep)
		}
	}
	for name, tc := range map[string]struct {
		file, verdict string
		args          []string
	}{
		"same build":           {full, compare.Same, nil},
		"another build":        {full, compare.SameResults, []string{"--arch=generic"}},
		"redacted":             {redacted, compare.SameResults, nil},
		"crate, local":         {crate, compare.SameResults, []string{"--here", "--local"}},
		"crate, the same here": {crate, compare.Same, []string{"--exact"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			you := other(t)
			var got ui.Rerun
			you.json(&got, 0, append([]string{"rerun", tc.file}, tc.args...)...)
			if got.Diff == nil || len(got.Diff.Numbers) != 1 {
				t.Fatalf("%+v", got)
			}
			n := got.Diff.Numbers[0]
			if !n.Agree || math.Abs(float64(n.A-n.B)) > 1e-9 || math.Abs(float64(n.B)+74.942079928192) > 1e-9 {
				t.Errorf("%+v", n)
			}
			// Redacting changes what is compared (a directory); the results stay.
			if got.Diff.Verdict != tc.verdict && got.Diff.Verdict != compare.Same {
				t.Errorf("%s: %+v", got.Diff.Verdict, got.Diff.Differences)
			}
			if tc.args == nil {
				for arch, same := range got.Same {
					if !same {
						t.Errorf("the %s build is another", arch)
					}
				}
				if len(got.Same) == 0 {
					t.Error("no derivation was compared")
				}
			}
			you.nixbatch(0, "record", "verify")
			// The directory is not empty any more.
			you.nixbatch(2, "rerun", tc.file)
		})
	}
}

// edited copies a zip with one file changed.
func edited(t *testing.T, from, name string, edit func([]byte) []byte) string {
	t.Helper()
	r, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	to := filepath.Join(t.TempDir(), "edited.zip")
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, e := range r.File {
		in, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		var data bytes.Buffer
		if _, err := data.ReadFrom(in); err != nil {
			t.Fatal(err)
		}
		w, err := z.Create(e.Name)
		if err != nil {
			t.Fatal(err)
		}
		b := data.Bytes()
		if e.Name == name {
			if b = edit(bytes.Clone(b)); bytes.Equal(b, data.Bytes()) {
				t.Fatalf("%s is not changed", name)
			}
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return to
}

// What was edited does not verify, and is not run with the wrong tree or input.
func TestEditedExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env, err := place(bed(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	me := at{t, filepath.Join(dir, "water"), env}
	if err := os.CopyFS(me.dir, os.DirFS(filepath.Join("..", "..", "examples", "water"))); err != nil {
		t.Fatal(err)
	}
	me.nixbatch(0, "submit", "--local", "water.yaml")
	full := filepath.Join(t.TempDir(), "full.zip")
	me.nixbatch(0, "record", "export", "-o", full)
	tree := ""
	r, err := zip.OpenReader(full)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		if strings.HasSuffix(f.Name, ".nar") {
			tree = f.Name
		}
	}
	r.Close()
	for name, edit := range map[string]func([]byte) []byte{
		"inputs/water.xyz": func(b []byte) []byte { return bytes.Replace(b, []byte("1.63"), []byte("1.64"), 1) },
		tree:               func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"plan.json":        func(b []byte) []byte { return bytes.Replace(b, []byte(`"dispatch"`), []byte(`"common"`), 1) },
		"seal.json":        func(b []byte) []byte { return bytes.Replace(b, []byte("seal/v1"), []byte("seal/v2"), 1) },
	} {
		bad := edited(t, full, name, edit)
		you := other(t)
		if name == "seal.json" {
			you.nixbatch(2, "record", "verify", bad)
			you.nixbatch(2, "rerun", "--local", bad)
			continue
		}
		you.nixbatch(1, "record", "verify", bad)
		if name == "plan.json" {
			var told struct{ Message, Hint string }
			you.json(&told, 1, "rerun", "--local", bad)
			if !strings.Contains(told.Hint, "record verify "+bad) {
				t.Errorf("%+v", told)
			}
			continue
		}
		you.nixbatch(2, "rerun", "--local", bad)
	}
	// What is there but no record is not taken for the name of a run.
	me.nixbatch(0, "record", "export", "--format=cyclonedx", "-o", "bom")
	for _, name := range []string{"bom", "./bom"} {
		var told struct{ Message, Hint string }
		me.json(&told, 2, "record", "verify", name)
		if !strings.Contains(told.Message, "is there, but is no export") {
			t.Errorf("%+v", told)
		}
	}
	// The same run with another geometry has another energy.
	in := filepath.Join(me.dir, "water.xyz")
	text, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, bytes.Replace(text, []byte("1.63"), []byte("1.64"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	me.nixbatch(0, "submit", "--local", "water.yaml")
	var diff compare.Report
	me.json(&diff, 1, "record", "diff", full, "water")
	kinds := ""
	for _, d := range diff.Differences {
		kinds += d.Kind + " "
	}
	if diff.Verdict != compare.Different || !strings.HasPrefix(kinds, "number ") || !strings.Contains(kinds, "input ") {
		t.Errorf("%s: %s", diff.Verdict, kinds)
	}
}
