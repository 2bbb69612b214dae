package check_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
)

// allFiles reads every file of a directory.
func allFiles(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out[name], err = os.ReadFile(filepath.Join(dir, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// memory is a record in memory.
type memory map[string][]byte

func (m memory) Open(name string) (io.ReadCloser, error) {
	data, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (m memory) List(below string) (out []string, err error) {
	for name := range m {
		if below == "" || strings.HasPrefix(name, below+"/") {
			out = append(out, name)
		}
	}
	return out, nil
}

func (m memory) Close() error { return nil }

func (m memory) ok() bool {
	r, err := load.From(m)
	return err == nil && check.Of(context.Background(), r, check.Options{Runner: proc.System{}, NoStore: true}).OK
}

// unknown reports whether it is said that a file cannot be checked, and of none
// that it was changed.
func (m memory) unknown(file string) bool {
	r, err := load.From(m)
	if err != nil {
		return false
	}
	rep := check.Of(context.Background(), r, check.Options{Runner: proc.System{}, NoStore: true})
	said := false
	for _, v := range rep.Verdicts {
		said = said || v.Verdict == check.Unknown && strings.Contains(v.Detail, file) && strings.Contains(v.Detail, "cannot be checked")
	}
	return said && rep.OK
}

// The promise that matters: whatever single byte is changed, added or taken
// away in any file of a record, verifying fails.
func TestEveryByteCounts(t *testing.T) {
	dir := t.TempDir()
	run := recordtest.Make(t, dir, recordtest.Options{})
	run.Seal(t)
	for name, redact := range map[string]bool{"full": false, "redacted": true} {
		m := memory(allFiles(t, exported(t, run, filepath.Join(dir, name), redact)))
		if !m.ok() {
			t.Fatalf("the %s export does not verify", name)
		}
		count := 0
		for file, data := range m {
			try := func(what string, bad []byte) {
				m[file] = bad
				if count++; m.ok() {
					t.Errorf("%s of the %s export: %s is not caught", file, name, what)
				}
			}
			step := 1
			if redact {
				step = 5 // the same code
			}
			for i := 0; i < len(data); i += step {
				bad := bytes.Clone(data)
				bad[i] ^= []byte{0x01, 0x20, 0x80}[i%3]
				try(fmt.Sprintf("byte %d", i), bad)
			}
			try("the cut", data[:len(data)-1])
			try("a space at the end", append(bytes.Clone(data), ' '))
			delete(m, file)
			// Without the list it is no export, but still a record.
			if m.ok() && file != load.ContentsFile && !m.unknown(file) {
				t.Errorf("%s of the %s export is missing, which is not caught", file, name)
			}
			m[file] = data
		}
		if !m.ok() {
			t.Errorf("the %s export does not verify afterwards", name)
		}
		t.Logf("%s: %d changes caught", name, count)
	}
}

// The same for the files of a run directory, which are the ones that were
// written first, sampled.
func TestBytesOfARun(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	run.Seal(t)
	for name, data := range allFiles(t, run.Dir) {
		file := filepath.Join(run.Dir, name)
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(data); i += 1 + len(data)/20 {
			bad := bytes.Clone(data)
			bad[i] ^= 1
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if rep, err := check.Verify(context.Background(), run.Dir, check.Options{Runner: proc.System{}}); err == nil && rep.OK {
				t.Errorf("%s: byte %d is not caught", name, i)
			}
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if rep := verify(t, run.Dir); !rep.OK {
		t.Errorf("afterwards: %+v", rep)
	}
}

func TestMissingAndAdded(t *testing.T) {
	for name, edit := range map[string]func(t *testing.T, run recordtest.Run) error{
		"fact gone":  func(t *testing.T, r recordtest.Run) error { return os.Remove(filepath.Join(r.Dir, "submit.json")) },
		"tasks gone": func(t *testing.T, r recordtest.Run) error { return os.Remove(filepath.Join(r.Dir, seal.TasksFile)) },
		"salt gone": func(t *testing.T, r recordtest.Run) error {
			return os.Remove(filepath.Join(r.Dir, private.PrivateFile))
		},
		"start gone": func(t *testing.T, r recordtest.Run) error {
			return os.Remove(filepath.Join(r.Dir, "tasks/0-999/0/attempt-0/start.json"))
		},
		"end gone": func(t *testing.T, r recordtest.Run) error {
			return os.Remove(filepath.Join(r.Dir, "tasks/0-999/0/attempt-0/end.json"))
		},
		"log gone":          func(t *testing.T, r recordtest.Run) error { return os.Remove(filepath.Join(r.Dir, "logs/0.log")) },
		"all logs gone":     func(t *testing.T, r recordtest.Run) error { return os.RemoveAll(filepath.Join(r.Dir, "logs")) },
		"all of tasks gone": func(t *testing.T, r recordtest.Run) error { return os.RemoveAll(filepath.Join(r.Dir, "tasks")) },
		"Slurm's log gone":  func(t *testing.T, r recordtest.Run) error { return os.Remove(filepath.Join(r.Dir, "logs/slurm.log")) },
		"seal gone":         func(t *testing.T, r recordtest.Run) error { return os.Remove(filepath.Join(r.Dir, seal.SealFile)) },
		"cancelling gone":   func(t *testing.T, r recordtest.Run) error { return os.Remove(filepath.Join(r.Dir, "cancel-1.json")) },
		"cancelling changed": func(t *testing.T, r recordtest.Run) error {
			return os.WriteFile(filepath.Join(r.Dir, "cancel.json"), []byte("{}"), 0o600)
		},
		"call gone": func(t *testing.T, r recordtest.Run) error { return os.Remove(filepath.Join(r.Dir, "calls/0-0.json")) },
		"call added": func(t *testing.T, r recordtest.Run) error {
			return os.WriteFile(filepath.Join(r.Dir, "calls/0-1.json"), []byte("{}"), 0o600)
		},
		"build added": func(t *testing.T, r recordtest.Run) error {
			return os.WriteFile(filepath.Join(r.Dir, "env/haswell.json"), []byte("{}"), 0o600)
		},
		"attempt added": func(t *testing.T, r recordtest.Run) error {
			return os.CopyFS(filepath.Join(r.Dir, "tasks/0-999/0/attempt-1"), os.DirFS(filepath.Join(r.Dir, "tasks/0-999/0/attempt-0")))
		},
		"log changed": func(t *testing.T, r recordtest.Run) error {
			return os.WriteFile(filepath.Join(r.Dir, "logs/0.log"), []byte("xx "+recordtest.Node+"\n"), 0o600)
		},
		"output changed": func(t *testing.T, r recordtest.Run) error {
			return os.WriteFile(filepath.Join(r.WorkDir, "water.out"), []byte("energy 0\n"), 0o600)
		},
		"fact is a link": func(t *testing.T, r recordtest.Run) error {
			f := filepath.Join(r.Dir, "run.sh")
			return errors.Join(os.Rename(f, filepath.Join(r.WorkDir, "run.sh")), os.Symlink(filepath.Join(r.WorkDir, "run.sh"), f))
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
			for file, text := range map[string]string{"cancel.json": `{"jobs":["12"]}`, "cancel-1.json": `{"jobs":["12"]}`,
				"calls/0-0.json": `{"job_id":12}`, "logs/slurm.log": "slurmstepd: error: *** JOB 12 ON n1 CANCELLED ***\n"} {
				if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(run.Dir, file)), 0o700), os.WriteFile(filepath.Join(run.Dir, file), []byte(text), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			run.Seal(t)
			if rep := verify(t, run.Dir); !rep.OK {
				t.Fatalf("before: %+v", rep)
			}
			if err := edit(t, run); err != nil {
				t.Fatal(err)
			}
			if rep := verify(t, run.Dir); rep.OK {
				t.Errorf("%+v", rep)
			}
		})
	}
}

// Of what was taken out of an export it is said that it cannot be checked; what
// was put into it does not belong there.
func TestExportIsWhole(t *testing.T) {
	dir := t.TempDir()
	run := recordtest.Make(t, dir, recordtest.Options{})
	run.Seal(t)
	for name, tc := range map[string]struct {
		edit func(dir string) error
		want string
	}{
		"log gone":    {func(d string) error { return os.Remove(filepath.Join(d, "logs/0.log")) }, check.Unknown},
		"output gone": {func(d string) error { return os.Remove(filepath.Join(d, "outputs/water.out")) }, check.Unknown},
		"file added":  {func(d string) error { return os.WriteFile(filepath.Join(d, "extra"), nil, 0o600) }, check.Failed},
	} {
		d := exported(t, run, filepath.Join(dir, name), false)
		if err := tc.edit(d); err != nil {
			t.Fatal(err)
		}
		rep := verify(t, d)
		if v := verdict(t, rep, "the export is whole"); v.Verdict != tc.want || rep.OK != (tc.want == check.Unknown) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// The key of a full export may be taken out of it: then nothing can be said. One
// that is another, or that is put into a redacted export, has failed.
func TestKeyOfExport(t *testing.T) {
	dir := t.TempDir()
	run := recordtest.Make(t, dir, recordtest.Options{})
	run.Seal(t)
	full := exported(t, run, filepath.Join(dir, "full"), false)
	redacted := exported(t, run, filepath.Join(dir, "redacted"), true)
	key, err := os.ReadFile(filepath.Join(full, private.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		dir, facts string
		data       []byte
	}{
		"another": {full, check.Failed, bytes.Replace(key, []byte(`"key":"`), []byte(`"key":"0`), 1)},
		"gone":    {full, check.Unknown, nil},
		"back":    {full, check.Proved, key},
		"put in":  {redacted, check.Failed, key},
	} {
		file := filepath.Join(tc.dir, private.KeyFile)
		err := os.WriteFile(file, tc.data, 0o600)
		if tc.data == nil {
			err = os.Remove(file)
		}
		if err != nil {
			t.Fatal(err)
		}
		rep := verify(t, tc.dir)
		if v := verdict(t, rep, "facts are"); v.Verdict != tc.facts || rep.OK != (tc.facts != check.Failed) || tc.facts == check.Unknown && !strings.Contains(v.Detail, "cannot be checked") {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
