package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A project that was moved while jobs of it wait is told of, and nothing of it is
// submitted again to where it is no more.
func TestMovedProject(t *testing.T) {
	t.Parallel()
	s := newSite(t, "moved")
	s.must("submit", "job.yaml")
	r := s.state("moved")
	if strings.Contains(r.Reason, "moved") {
		t.Errorf("before: %+v", r)
	}
	was := s.dir
	now := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(was, now); err != nil {
		t.Fatal(err)
	}
	s.dir = now
	told := "its project was moved away from " + was
	if got := s.state("moved"); got.State != "pending" || !strings.Contains(got.Reason, told) {
		t.Errorf("%+v", got)
	}
	s.must("cancel", "moved")
	s.reaches("moved", "cancelled", "")
	code, out, diag := s.run("retry", "moved")
	if code != exitUsage || !strings.Contains(diag, "was submitted from "+was) || !strings.Contains(diag, "hint: move it back") {
		t.Errorf("retry: exit code %d\n%s%s", code, out, diag)
	}
	if jobs, err := queued(s.c, "moved"); err != nil || len(jobs) != 0 {
		t.Errorf("%+v, %v", jobs, err)
	}
	// With its old name it can be found again.
	if err := os.Symlink(now, was); err != nil {
		t.Fatal(err)
	}
	s.must("retry", "moved")
	if got := s.state("moved"); got.State != "pending" || strings.Contains(got.Reason, "moved") {
		t.Errorf("with a link: %+v", got)
	}
}
