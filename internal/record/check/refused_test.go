package check_test

import (
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// A fact for which this machine has too little memory has not failed: there is no
// verdict, here or before a rerun.
func TestTooLittleMemoryIsNoVerdict(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	large := []byte(`{"schema":"nixbatch/cancel/v1","run_id":"` + recordtest.ID + `","jobs":["` + strings.Repeat("x", 8<<20) + `"]}`)
	if err := os.WriteFile(filepath.Join(run.Dir, "cancel.json"), large, 0o600); err != nil {
		t.Fatal(err)
	}
	run.Seal(t)
	sealed := func() (bad []string, err error) {
		r, err := load.Open(run.Dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		return check.Sealed(r)
	}
	if rep := verify(t, run.Dir); !rep.OK {
		t.Fatalf("%+v", rep)
	}
	if bad, err := sealed(); err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	was := debug.SetMemoryLimit(4 << 20 * 8)
	defer debug.SetMemoryLimit(was)
	_, err := check.Verify(t.Context(), run.Dir, check.Options{NoStore: true})
	if fault.KindOf(err) != fault.System || !strings.Contains(err.Error(), "cancel.json is too large for the memory that is allowed") {
		t.Error(err)
	}
	if _, err := sealed(); fault.KindOf(err) != fault.System {
		t.Error(err)
	}
}

// refusing is a record of which this machine refuses to read some files.
type refusing struct {
	source.Source
	name string
	open error // of Open; else Read fails
}

func (r refusing) Open(name string) (io.ReadCloser, error) {
	if name == r.name && r.open != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: r.open}
	}
	f, err := r.Source.Open(name)
	if err == nil && name == r.name {
		return broken{f}, nil
	}
	return f, err
}

type broken struct{ io.ReadCloser }

func (broken) Read([]byte) (int, error) {
	return 0, &os.PathError{Op: "read", Path: "x", Err: syscall.EIO}
}

// Nothing is said to be changed that this machine refused to read: of a fact that
// is an error, of a file of the run's it is unknown.
func TestRefusedIsNoVerdict(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	run.Seal(t)
	for _, path := range []string{run.Dir, exported(t, run, filepath.Join(t.TempDir(), "x"), false)} {
		contents := map[string]bool{"outputs/water.out": false}
		for _, name := range []string{"tasks.jsonl", "batch.sh", "env/generic.json", "tasks/0-999/0/attempt-0/start.json", "private.json", "key.json", "outputs/water.out"} {
			for _, open := range []error{syscall.EMFILE, syscall.EACCES, nil} {
				r, err := load.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				if f, err := r.Open(name); err != nil {
					r.Close()
					continue // not in this form of it
				} else {
					f.Close()
				}
				r.Source = refusing{r.Source, name, open}
				rep := check.Of(t.Context(), r, check.Options{NoStore: true})
				_, err = check.Sealed(r)
				r.Close()
				if _, data := contents[name]; data {
					contents[name] = true
					if v := verdict(t, rep, "outputs"); v.Verdict != check.Unknown || !strings.Contains(v.Detail, "cannot be read here: water.out (") || err != nil {
						t.Errorf("%s, %v: %+v, %v", name, open, v, err)
					}
					continue
				}
				if v := verdict(t, rep, "the record can be read here"); v.Verdict != check.Failed || rep.OK {
					t.Errorf("%s, %v: %+v", name, open, rep)
				}
				if fault.KindOf(err) != fault.System {
					t.Errorf("%s, %v: %v", name, open, err)
				}
			}
		}
		if path != run.Dir && !contents["outputs/water.out"] {
			t.Error("no output was looked at")
		}
	}
}
