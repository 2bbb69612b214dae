package check_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/slurm"
)

func verify(t testing.TB, path string) *check.Report {
	t.Helper()
	rep, err := check.Verify(context.Background(), path, check.Options{Runner: proc.System{}})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return rep
}

// verdict finds the line that begins so.
func verdict(t testing.TB, rep *check.Report, what string) check.Verdict {
	t.Helper()
	for _, v := range rep.Verdicts {
		if strings.HasPrefix(v.What, what) {
			return v
		}
	}
	t.Fatalf("no verdict on %q in %+v", what, rep.Verdicts)
	return check.Verdict{}
}

func exported(t testing.TB, run recordtest.Run, out string, redact bool) string {
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

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	run := recordtest.Make(t, dir, recordtest.Options{Tasks: 3})
	if rep := verify(t, run.Dir); !rep.OK || verdict(t, rep, "the record is sealed").Verdict != check.Unknown {
		t.Errorf("not sealed: %+v", rep)
	}
	seal := run.Seal(t)
	for name, path := range map[string]string{
		"run": run.Dir, "directory": exported(t, run, filepath.Join(dir, "full"), false), "zip": exported(t, run, filepath.Join(dir, "full.zip"), false),
		"redacted": exported(t, run, filepath.Join(dir, "red.zip"), true),
	} {
		t.Run(name, func(t *testing.T) {
			rep := verify(t, path)
			if !rep.OK || rep.Root != seal.Root || rep.RunID != recordtest.ID {
				t.Fatalf("%+v", rep)
			}
			for what, want := range map[string]string{
				"facts are": check.Proved, "tasks' facts": check.Proved, "inputs": check.Proved, "outputs": check.Proved,
				"the seal is signed": check.Unknown, "pin of nixpkgs": check.Unknown, "build generic": check.Claimed, "the result": check.Claimed,
			} {
				if v := verdict(t, rep, what); v.Verdict != want {
					t.Errorf("%+v, want %s", v, want)
				}
			}
			want := check.Claimed
			if name == "redacted" {
				want = check.Unknown
			}
			if v := verdict(t, rep, "the submission"); v.Verdict != want {
				t.Errorf("%+v, want %s", v, want)
			}
			var text bytes.Buffer
			rep.Text(&text)
			if strings.Contains(text.String(), "tamper-proof") || !strings.Contains(text.String(), "nothing failed") {
				t.Error(text.String())
			}
		})
	}
}

// What belongs to a run that did not end well is said, and is no failure of the
// record.
func TestOddRuns(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 2, NoEnd: map[int]bool{1: true}})
	run.Seal(t)
	if v := verdict(t, verify(t, run.Dir), "the result"); !strings.Contains(v.Detail, "incomplete, which is not failed") {
		t.Errorf("%+v", v)
	}
	run = recordtest.Make(t, t.TempDir(), recordtest.Options{Jump: -time.Hour})
	run.Seal(t)
	if v := verdict(t, verify(t, run.Dir), "times agree"); !strings.Contains(v.Detail, "clock jumped") {
		t.Errorf("%+v", v)
	}
	run = recordtest.Make(t, t.TempDir(), recordtest.Options{Attempts: 2, Jump: 5 * time.Minute})
	run.Seal(t)
	if v := verdict(t, verify(t, run.Dir), "times agree"); !strings.Contains(v.Detail, "began before the one before it had ended") {
		t.Errorf("%+v", v)
	}
}

func TestNewerSchema(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	run.Seal(t)
	file := filepath.Join(run.Dir, seal.SealFile)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(file), os.WriteFile(file, bytes.Replace(data, []byte("seal/v1"), []byte("seal/v9"), 1), 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err = check.Verify(context.Background(), run.Dir, check.Options{})
	var newer *seal.NewerError
	if !errors.As(err, &newer) || newer.Schema != "nixbatch/seal/v9" {
		t.Errorf("%v", err)
	}
}

// Hostile zips are refused by name, and nothing is written or followed.
func TestHostileZip(t *testing.T) {
	for name, add := range map[string]func(z *zip.Writer) error{
		"climbs":    func(z *zip.Writer) error { _, err := z.Create("../evil"); return err },
		"absolute":  func(z *zip.Writer) error { _, err := z.Create("/etc/evil"); return err },
		"backslash": func(z *zip.Writer) error { _, err := z.Create(`a\..\..\evil`); return err },
		"link": func(z *zip.Writer) error {
			h := &zip.FileHeader{Name: "plan.json"}
			h.SetMode(fs.ModeSymlink | 0o777)
			w, err := z.CreateHeader(h)
			if err == nil {
				_, err = w.Write([]byte("/etc/passwd"))
			}
			return err
		},
		"twice": func(z *zip.Writer) error {
			_, err := z.Create("plan.json")
			_, err2 := z.Create("plan.json")
			return errors.Join(err, err2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.zip")
			f, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			z := zip.NewWriter(f)
			if err := errors.Join(add(z), z.Close(), f.Close()); err != nil {
				t.Fatal(err)
			}
			rep := verify(t, file)
			if rep.OK || len(rep.Verdicts) != 1 {
				t.Errorf("%+v", rep)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "cut.zip")
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	run.Seal(t)
	data, err := os.ReadFile(exported(t, run, file, false))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if rep := verify(t, file); rep.OK || !strings.Contains(rep.Verdicts[0].Detail, "no whole zip") {
		t.Errorf("%+v", rep)
	}
}

// accounts is a site's accounting.
type accounts struct{ line string }

func (a accounts) Accounting(context.Context, slurm.Query) ([]slurm.AcctJob, error) {
	return []slurm.AcctJob{{ID: 12, SubmitLine: a.line}}, nil
}

func TestWitness(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	run.Seal(t)
	sum := seal.Submission(func(n string) ([]byte, error) { return os.ReadFile(filepath.Join(run.Dir, n)) })
	for line, want := range map[string]string{
		"sbatch --comment=nixbatch:" + recordtest.ID + ",sha256:" + sum:                     check.Proved,
		"sbatch --comment=nixbatch:" + recordtest.ID + ",sha256:" + strings.Repeat("0", 64): check.Failed,
		"sbatch --comment=another": check.Claimed, // the recorded line stands
	} {
		rep, err := check.Verify(context.Background(), run.Dir, check.Options{Runner: proc.System{}, Slurm: accounts{line}})
		if err != nil {
			t.Fatal(err)
		}
		if v := verdict(t, rep, "the submission"); v.Verdict != want {
			t.Errorf("%s: %+v", line, v)
		}
	}
}
