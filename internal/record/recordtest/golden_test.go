package recordtest_test

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/show"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/jobspec"
)

var update = flag.Bool("update", false, "write testdata/golden.sha256 anew")

// goldenRun is a run with all that sealing and exporting treat differently:
// private values, several attempts, tasks without an end, outputs that are not
// there, files outside of ASCII. Its paths are relative, so that its bytes are
// the same wherever the test runs.
func goldenRun(t *testing.T, name string, energy float64) recordtest.Run {
	var rows []jobspec.Row
	for i := range 12 {
		rows = append(rows, jobspec.Row{{Name: "n", Value: fmt.Sprint(i)}, {Name: "what", Value: fmt.Sprintf("a<b>&é-%d", i%5)}})
	}
	run := recordtest.Make(t, name, recordtest.Options{
		Tasks: len(rows), Attempts: 2, NoEnd: map[int]bool{3: true}, Sweep: rows, Energy: energy,
		Marks: "sweep: {table: x.csv}\n", Private: []string{"TOKEN"},
		Env:     []facts.Var{{Name: "TOKEN", Value: "hunter2-and-more", From: "job file"}, {Name: "TWICE", Value: "1"}, {Name: "TWICE", Value: "2"}},
		Outputs: []facts.File{{Path: "big \"file\".dat", Size: 1 << 40, Skipped: "over the limit", Skip: facts.SkipLarge}},
		Changed: []facts.InputChange{{Path: "water.xyz", What: "another size"}},
	})
	salt := strings.Repeat("5a", 32)
	if _, err := seal.Dir(run.Dir, recordtest.ID, salt, facts.Tool{Version: "0.1.0"}, recordtest.Now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return run
}

// sums are the hashes of all files below a directory, or in a zip, as sha256sum(1)
// prints them.
func sums(t *testing.T, label, path string) string {
	t.Helper()
	var files fs.FS = os.DirFS(path)
	if strings.HasSuffix(path, ".zip") {
		z, err := zip.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		var order []string
		for _, f := range z.File {
			order = append(order, f.Name+" "+f.Modified.UTC().Format(time.RFC3339)+" "+f.Mode().String())
		}
		return sum(label+", the table", []byte(strings.Join(order, "\n"))) + sumsOf(t, label, z)
	}
	return sumsOf(t, label, files)
}

func sum(name string, data []byte) string { return digest.Bytes(data) + "  " + name + "\n" }

func sumsOf(t *testing.T, label string, files fs.FS) string {
	t.Helper()
	var b strings.Builder
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := files.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		b.WriteString(sum(label+"/"+name, data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is written of a record stays the same, byte for byte: seals, exports in
// all forms, redacted and not, verdicts, pages and comparisons. A change of
// testdata/golden.sha256 is a change of a format.
func TestGolden(t *testing.T) {
	golden, err := filepath.Abs("testdata/golden.sha256")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	run, other := goldenRun(t, "mm", 0), goldenRun(t, "nn", -75)
	var all strings.Builder
	for _, name := range []string{seal.SealFile, seal.TasksFile, facts.PrivateFile} {
		data, err := os.ReadFile(filepath.Join(run.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(sum(name, data))
	}
	for _, format := range export.Formats {
		for _, redact := range []bool{false, true} {
			for _, end := range []string{"", ".zip"} {
				out := fmt.Sprintf("%s-redacted-%v%s", format, redact, end)
				exportTo(t, run.Dir, export.Options{Format: format, Redact: redact, Out: out, Tool: facts.Tool{Version: "0.1.0"},
					People: export.People{Author: "M. Mustermann", ORCID: "0000-0000-0000-0000", License: "CC0-1.0"}})
				all.WriteString(sums(t, out, out))
				if format == "json" || format == "ro-crate" {
					all.WriteString(sum("of "+out, said(t, out, other.Dir)))
				}
			}
		}
	}
	// An export of an export, redacted on the way.
	exportTo(t, "json-redacted-false.zip", export.Options{Format: "ro-crate", Out: "again"})
	exportTo(t, "json-redacted-true", export.Options{Format: "ro-crate", Out: "redacted-again"})
	all.WriteString(sums(t, "again", "again") + sums(t, "redacted-again", "redacted-again"))
	all.WriteString(sum("of the run", said(t, run.Dir, other.Dir)))
	if *update {
		if err := os.WriteFile(golden, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	differ(t, all.String(), string(want))
}

func differ(t *testing.T, got, want string) {
	t.Helper()
	lines := map[string]bool{}
	for l := range strings.Lines(want) {
		lines[l] = true
	}
	for l := range strings.Lines(got) {
		if !lines[l] {
			t.Errorf("other bytes than before: %s", l[66:])
		}
		delete(lines, l)
	}
	for l := range lines {
		t.Errorf("not written as before: %s", l[66:])
	}
}

func exportTo(t *testing.T, from string, o export.Options) {
	t.Helper()
	r, err := load.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := export.Write(context.Background(), r, o); err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
}

// said is all that is printed of a record.
func said(t *testing.T, path, other string) []byte {
	t.Helper()
	var b bytes.Buffer
	rep, err := check.Verify(context.Background(), path, check.Options{NoStore: true})
	if err != nil {
		t.Fatal(err)
	}
	rep.Text(&b)
	r, err := load.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o, err := load.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	diff, err := compare.Runs(r, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{ui.PrintJSON(&b, rep), show.Text(&b, r), show.JSON(&b, r), ui.PrintJSON(&b, diff)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}
