package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// Killed or interrupted at any step that makes something last, what writes of a
// record leaves it whole, and no export that is half of one: the same command gets
// through afterwards. strace does it for each thread, as in TestKilledAtEveryStep:
// where two are interrupted, that ends a command at once.
func TestRecordsAreNeverHalfWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t, "half")
	const calls = "mkdirat,symlinkat,linkat,fsync,renameat,renameat2,unlinkat,fchmod"
	for _, tc := range []struct {
		name   string
		sealed bool
		args   []string
		out    string
	}{
		{"seal", false, []string{"record", "seal", recordtest.ID}, ""},
		{"show", false, []string{"record", "show", recordtest.ID}, ""}, // which seals
		{"export-zip", true, []string{"record", "export", "-o", "x.zip", recordtest.ID}, "x.zip"},
		{"export-redacted", true, []string{"record", "export", "--redact", "--format", "ro-crate", "-o", "x", recordtest.ID}, "x"},
	} {
		steps := 0 // that it takes, which the first signal tells
		for _, sig := range []string{"KILL", "INT"} {
			for n, through := 1, false; sig == "KILL" && !through || sig == "INT" && n <= steps; n++ {
				run := recordtest.Make(t, filepath.Join(s.dir, fmt.Sprintf("%s-%s-%d", tc.name, sig, n)), recordtest.Options{})
				if tc.sealed {
					run.Seal(t)
				}
				at := *s
				at.dir = run.WorkDir
				out, err := at.traced(calls, fmt.Sprintf("signal=%s:when=%d", sig, n), tc.args...)
				through = err == nil
				if !through && sig == "KILL" {
					steps++
				}
				if strings.Contains(out, "goroutine") || n > 300 {
					t.Fatalf("%s, %s at step %d: %v\n%s", tc.name, sig, n, err, out)
				}
				at.whole(tc.name, sig, n, tc.out, through)
				if err := os.RemoveAll(filepath.Dir(run.WorkDir)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if steps < 3 {
			t.Errorf("%s: only %d steps were ended", tc.name, steps)
		}
	}
}

// traced runs nixbatch under strace, which does something at a step.
func (s *site) traced(calls, what string, args ...string) (string, error) {
	s.t.Helper()
	before := []string{"-f", "-qq", "-o", "/dev/null", "-e", "trace=" + calls, "-e", "inject=" + calls + ":" + what, filepath.Join(s.c.Dir, "bin", "nixbatch")}
	cmd := exec.Command("strace", append(before, args...)...)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		s.t.Fatal(err)
	}
	return string(out), err
}

// whole checks what a command left, and that it gets through the next time.
func (s *site) whole(name, sig string, n int, out string, through bool) {
	s.t.Helper()
	must := func(args ...string) {
		s.t.Helper()
		if code, said, diag := s.run(args...); code != 0 {
			s.t.Errorf("%s, %s at step %d: %v: exit code %d\n%s%s", name, sig, n, args, code, said, diag)
		}
	}
	if out != "" {
		there := false
		if _, err := os.Lstat(filepath.Join(s.dir, out)); err == nil {
			there = true
			must("record", "verify", "--no-store", "./"+out)
		}
		if through && !there {
			s.t.Errorf("%s, %s at step %d: it got through, and there is nothing", name, sig, n)
		}
		if !there {
			must("record", "export", "-o", out, recordtest.ID)
			must("record", "verify", "--no-store", "./"+out)
		}
	}
	must("record", "show", recordtest.ID) // seals it, where that was not done
	must("record", "verify", "--no-store", recordtest.ID)
}
