package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
)

// A project that was moved while jobs of it wait is told of, and nothing of it is
// submitted again to where it is no more.
func TestMovedProject(t *testing.T) {
	t.Parallel()
	s := newSite(t, "moved")
	// Below what nixbatch remembers in its homes, which stays.
	was := filepath.Join(s.dir, "project")
	if err := os.CopyFS(filepath.Join(was, "minipkgs"), os.DirFS(filepath.Join(s.dir, "minipkgs"))); err != nil {
		t.Fatal(err)
	}
	s.write("project/job.yaml", heldJob("moved"), 0o600)
	if err := os.RemoveAll(filepath.Join(s.dir, ".nixbatch")); err != nil {
		t.Fatal(err)
	}
	s.dir = was
	s.must("submit", "job.yaml")
	r := s.state("moved")
	if strings.Contains(r.Reason, "moved") {
		t.Errorf("before: %+v", r)
	}
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
	if code != command.Usage || !strings.Contains(diag, "was submitted from "+was) || !strings.Contains(diag, "hint: move it back") {
		t.Errorf("retry: exit code %d\n%s%s", code, out, diag)
	}
	jobs, err := queued(s.c, "moved")
	for _, j := range jobs {
		if !j.State.Final() {
			t.Errorf("in the queue: %+v", j)
		}
	}
	if err != nil {
		t.Error(err)
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
