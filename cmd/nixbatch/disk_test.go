package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A job of the cluster that a full disk ended is said to have failed of that, by
// status and by why. The disk is a small file system that the nodes see, which
// only root may mount.
func TestClusterDiskFull(t *testing.T) {
	t.Parallel()
	s := &site{t: t, c: bed(t), dir: t.TempDir()}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=96m,mode=0700", "small", s.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", s.dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	env, err := place(s.c, s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.env = append(env, "PATH="+filepath.Join(s.c.Dir, "bin")+":"+os.Getenv("PATH"))
	s.job("full", "mem: 100M, time: 5", "", "dd if=/dev/zero of=filler bs=4k 2>/dev/null")
	s.run("submit", "--wait", "full.yaml")
	if err := os.Remove(filepath.Join(s.dir, "filler")); err != nil {
		t.Fatal(err)
	}
	const cause = "the disk of the job's directory was full"
	if r := s.state("full"); r.State != "failed" || !strings.Contains(r.Reason, cause) {
		t.Errorf("status: %+v", r)
	}
	s.why("full", cause)
}
