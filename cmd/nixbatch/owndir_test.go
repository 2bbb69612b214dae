package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// A job of a real cluster whose agent, or payload, is killed at a call of the
// kernel's that changes files, while it lays inputs out or puts outputs back: what
// lies beside the job file is as it was or as it is to be, and a retry or a collect
// completes it.
func TestKilledWhileStaging(t *testing.T) {
	t.Parallel()
	strace, err := proc.Look("strace")
	if err != nil {
		t.Fatal(err)
	}
	hit := 0
	for i, at := range []struct {
		call string
		n    int
	}{{"renameat", 1}, {"renameat", 2}, {"linkat", 2}, {"linkat", 3}, {"linkat", 4}, {"linkat", 5}, {"fsync", 2}, {"fsync", 3}, {"fsync", 4}, {"fsync", 5},
		{"unlinkat", 1}, {"unlinkat", 3}, {"mkdirat", 3}, {"mkdirat", 5}, {"fchmod", 2}, {"fchmod", 3}, {"symlinkat", 1}} {
		s := onHarsh(t)
		s.write("in/a.dat", "input\n", 0o600)
		for _, name := range []string{"one.out", "sub/two.out"} {
			s.write(name, "old\n", 0o600)
		}
		s.job("killed", small+", hold: true", "inputs: [in]\noutputs: [\"**/*.out\"]\n",
			"mkdir -p sub\ncat in/a.dat >one.out\necho second >sub/two.out")
		s.must("submit", "killed.yaml")
		r := s.state("killed")
		agent := filepath.Join(r.Dir, "nixbatch")
		wrapper := fmt.Sprintf("#!/bin/sh\nexec %s -f -qq -o /dev/null -e trace=%s -e inject=%s:signal=KILL:when=%d %s \"$@\"\n",
			proc.Quote(strace), at.call, at.call, at.n, proc.Quote(agent+".real"))
		if err := errors.Join(os.Rename(agent, agent+".real"), os.WriteFile(agent, []byte(wrapper), 0o700)); err != nil {
			t.Fatal(err)
		}
		s.scontrol("release", fmt.Sprint(r.JobID))
		until(t, fmt.Sprintf("the end of %v", at), func() bool {
			now := s.state("killed").State
			return now != "pending" && now != "running"
		})
		want := map[string]string{"one.out": "input\n", "sub/two.out": "second\n"}
		state := s.state("killed").State
		for name, text := range want {
			if got, err := os.ReadFile(filepath.Join(s.dir, name)); err != nil || string(got) != "old\n" && string(got) != text || state == "completed" && string(got) != text {
				t.Errorf("%v, %s: %s is %q, %v", at, state, name, got, err)
			}
		}
		if state != "completed" {
			hit++
			if err := errors.Join(os.Remove(agent), os.Rename(agent+".real", agent)); err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				s.run("collect", "killed") // what there is
			}
			s.must("retry", "killed")
			s.slurm("scontrol", "release", fmt.Sprint(s.state("killed").JobID))
			s.reaches("killed", "completed", "")
		}
		for name, text := range want {
			if got, err := os.ReadFile(filepath.Join(s.dir, name)); err != nil || string(got) != text {
				t.Errorf("%v: in the end %s is %q, %v", at, name, got, err)
			}
		}
		err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == ".nixbatch" {
				return fs.SkipDir
			}
			if err == nil && strings.HasPrefix(d.Name(), ".nixbatch-") {
				t.Errorf("%v: left: %s", at, path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if code, out, _ := s.run("record", "verify", "killed"); code != 0 {
			t.Errorf("%v: verify\n%s", at, out)
		}
	}
	if hit < 8 {
		t.Errorf("only %d were killed", hit)
	}
}
