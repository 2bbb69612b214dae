package slurm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/slurm"
)

// Slurm's own sbatch is told from what a site may put in its place.
func TestOwnSubmit(t *testing.T) {
	c := &slurm.Client{}
	if !c.OwnSubmit() {
		t.Error("the installed sbatch is not Slurm's own")
	}
	self, err := os.Executable() // a program, and none of Slurm's
	if err != nil {
		t.Fatal(err)
	}
	real, err := exec.LookPath("sbatch")
	if err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func(file string) error{
		"a script":          func(file string) error { return os.WriteFile(file, []byte("#!/bin/sh\nexec "+real+" \"$@\"\n"), 0o700) },
		"another program":   func(file string) error { return os.Symlink(self, file) },
		"a link to Slurm's": func(file string) error { return os.Symlink(real, file) },
	} {
		dir := t.TempDir()
		if err := put(filepath.Join(dir, "sbatch")); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir)
		if got := c.OwnSubmit(); got != (name == "a link to Slurm's") {
			t.Errorf("%s: %v", name, got)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if c.OwnSubmit() {
		t.Error("no sbatch at all")
	}
}
