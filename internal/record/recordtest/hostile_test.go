package recordtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/show"
	"github.com/nixbatch/nixbatch/internal/ui"
)

// odd are values that nobody expects where they stand.
func odd() []any {
	deep := any("x")
	for range 300 {
		deep = []any{deep}
	}
	return []any{nil, true, -1, 0, 1e308, json.Number("9223372036854775807"), json.Number("-9223372036854775808"), json.Number("1e400"), json.Number("18446744073709551616"),
		"", "..", "../../etc/passwd", "/etc/passwd", "/dev/zero", strings.Repeat("x", 100_000), "a\x1b[2Jb\r\nFORGED\x00\u202e\u009b", "\\\"'`$(true)", "0-99999999", "n[1-99999999]",
		"9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "redacted-", "redacted-" + strings.Repeat("0", 32), "sha256-", "/nix/store/", strings.Repeat("/", 5000),
		[]any{}, map[string]any{}, []any{nil, nil}, map[string]any{"": nil}, deep, slices.Repeat([]any{"x"}, 3000)}
}

// places are all values of a document.
func places(v any, at func(set func(any), drop func())) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(func(yield func(string) bool) {
			for k := range v {
				if !yield(k) {
					return
				}
			}
		}) {
			at(func(x any) { v[k] = x }, func() { delete(v, k) })
			places(v[k], at)
		}
	case []any:
		for i := range v {
			at(func(x any) { v[i] = x }, func() { v[i] = nil })
			places(v[i], at)
		}
	}
}

// spoil puts one odd value into a fact, or takes one out.
func spoil(t *rapid.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return // it was cut before
	}
	n := 0
	places(v, func(func(any), func()) { n++ })
	if n == 0 {
		return
	}
	which, value := rapid.IntRange(0, n-1).Draw(t, "place"), rapid.IntRange(-1, len(odd())-1).Draw(t, "value")
	i := 0
	places(v, func(set func(any), drop func()) {
		if i++; i-1 != which {
			return
		}
		if value < 0 {
			drop()
		} else {
			set(odd()[value])
		}
	})
	if data, err = json.Marshal(v); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace puts something else in the place of a file, which nobody may wait for or
// follow.
func replace(t *rapid.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	what := rapid.SampledFrom([]string{"a pipe", "a link", "a link to nothing", "a link to itself", "a device", "a directory", "nothing", "an empty file", "a half", "twice"}).Draw(t, "what")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	switch what {
	case "a pipe":
		err = syscall.Mkfifo(file, 0o600)
	case "a link":
		other := file + ".other"
		err = errors.Join(os.WriteFile(other, data, 0o600), os.Symlink(other, file))
	case "a link to nothing":
		err = os.Symlink("/nonexistent", file)
	case "a link to itself":
		err = os.Symlink(file, file)
	case "a device":
		err = os.Symlink("/dev/zero", file)
	case "a directory":
		err = os.Mkdir(file, 0o700)
	case "an empty file":
		err = os.WriteFile(file, nil, 0o600)
	case "a half":
		err = os.WriteFile(file, data[:len(data)/2], 0o600)
	case "twice":
		err = os.WriteFile(file, append(data, data...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// exported is a full export of a run.
func exported(t *rapid.T, run recordtest.Run, to string) string {
	r, err := load.Open(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err = export.Write(context.Background(), r, export.Options{Format: "json", Out: to}); err != nil {
		t.Fatal(err)
	}
	return to
}

// scratch changes a byte of a zip: most often of its table of contents, which lies
// at the end.
func scratch(t *rapid.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	from := 0
	if rapid.IntRange(0, 2).Draw(t, "in the table") > 0 {
		from = max(0, len(data)-3000)
	}
	data[rapid.IntRange(from, len(data)-1).Draw(t, "at")] = byte(rapid.IntRange(0, 255).Draw(t, "byte"))
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// files are those of a record whose names end so, sorted.
func files(t *rapid.T, dir, end string) (out []string) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && strings.HasSuffix(path, end) {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// read does all that reads a record, and returns what it prints. Errors are right.
func read(path string, good *load.Record, out string) string {
	var b bytes.Buffer
	fail := func(err error) {
		if err != nil {
			ui.PrintError(&b, err)
		}
	}
	rep, err := check.Verify(context.Background(), path, check.Options{NoStore: true})
	fail(err)
	if err == nil {
		rep.Text(&b)
		fail(ui.PrintJSON(&b, rep))
	}
	r, err := load.Open(path)
	fail(err)
	if err != nil {
		return b.String()
	}
	defer r.Close()
	fail(show.Text(&b, r))
	fail(show.JSON(&b, r))
	_, err = check.Sealed(r)
	fail(err)
	for _, pair := range [][2]*load.Record{{r, good}, {good, r}} {
		diff, err := compare.Runs(pair[0], pair[1])
		fail(err)
		if err == nil {
			diff.Text(&b)
			fail(ui.PrintJSON(&b, diff))
		}
	}
	for _, format := range export.Formats {
		for _, redact := range []bool{false, true} {
			to := filepath.Join(out, format+map[bool]string{true: "-redacted"}[redact])
			_, err := export.Write(context.Background(), r, export.Options{Format: format, Redact: redact, Out: to})
			fail(err)
		}
	}
	return b.String()
}

// Whatever stands in a fact, sealed so or changed after, in a run or in an export:
// what reads it comes to an end, with an error or without, and no terminal obeys
// what it prints.
func TestHostileFacts(t *testing.T) {
	base := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	base.Seal(t)
	good, err := load.Open(base.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { good.Close() })
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		run := recordtest.Make(t, dir, recordtest.Options{Tasks: 2, Attempts: 2, Env: []facts.Var{{Name: "TOKEN", Value: "hunter2-and-more", From: "job file"}}})
		path := run.Dir
		how := rapid.SampledFrom([]string{"before sealing", "after sealing", "in an export", "in a zip"}).Draw(rt, "how")
		if how != "before sealing" {
			run.Seal(t)
		}
		if strings.HasPrefix(how, "in ") {
			path = exported(rt, run, filepath.Join(dir, map[string]string{"in a zip": "x.zip", "in an export": "x"}[how]))
		}
		for range rapid.IntRange(1, 3).Draw(rt, "how many") {
			switch {
			case how == "in a zip":
				scratch(rt, path)
			case rapid.IntRange(0, 3).Draw(rt, "a file as a whole") == 0:
				replace(rt, rapid.SampledFrom(files(rt, path, "")).Draw(rt, "file"))
			default:
				spoil(rt, rapid.SampledFrom(files(rt, path, ".json")).Draw(rt, "file"))
			}
		}
		if how == "before sealing" {
			_, _ = seal.Dir(run.Dir, recordtest.ID, seal.NewSalt(), facts.Tool{Version: "0.1.0"}, recordtest.Now) // some cannot be
		}
		text := read(path, good, dir)
		for _, r := range text {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				rt.Fatalf("a terminal obeys %q in\n%q", r, text)
			}
		}
		if strings.Contains("\n"+text, "\nFORGED") {
			rt.Fatalf("a line was forged:\n%s", text)
		}
	})
}
