package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Killed at any step, rm leaves a run that is whole, or none; the next command that
// removes clears away the rest, roots and the seal's note with it.
func TestRemovalKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	s := newSite(t, "removal")
	s.write("removal.yaml", "name: removal\nenvironment: {nixpkgs: {path: minipkgs}, packages: [hello]}\noutputs: [o]\nrun: hello >o\n", 0o600)
	built, err := os.ReadDir(filepath.Join(s.dir, ".nixbatch", "roots"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	own := *s // the simulated CPUs are the nodes', not this machine's
	own.env = slices.DeleteFunc(slices.Clone(s.env), func(kv string) bool { return strings.HasPrefix(kv, "NIXBATCH_CPUINFO=") })
	own.must("submit", "--local", "removal.yaml")
	project := filepath.Join(s.dir, ".nixbatch")
	kept := filepath.Join(s.dir, "kept-project")
	copyOf := func(from, to string) {
		t.Helper()
		if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	copyOf(project, kept)
	const calls = "renameat,renameat2,rename,unlinkat,unlink,rmdir,fsync"
	whole, none := 0, 0
	for n := 1; ; n++ {
		if err := os.RemoveAll(project); err != nil {
			t.Fatal(err)
		}
		copyOf(kept, project)
		cmd := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+calls, "-e",
			fmt.Sprintf("inject=%s:signal=KILL:when=%d", calls, n), filepath.Join(s.c.Dir, "bin", "nixbatch"), "rm", "removal")
		cmd.Dir, cmd.Env = s.dir, s.env
		out, err := cmd.CombinedOutput()
		var ee *exec.ExitError
		killed := errors.As(err, &ee) && ee.Sys().(syscall.WaitStatus).Signaled()
		if err != nil && !killed {
			t.Fatalf("step %d: %v\n%s", n, err, out)
		}
		switch all := s.status(); {
		case len(all) > 1:
			t.Fatalf("step %d: %+v", n, all)
		case len(all) == 1:
			whole++
			s.must("record", "verify", "--no-store", "removal")
			s.must("rm", "removal")
		default:
			none++
			s.must("clean", "--keep=9")
		}
		for _, dir := range []string{"runs", "roots", "seals"} {
			left, err := os.ReadDir(filepath.Join(project, dir))
			if dir == "roots" { // but those that were there before the run
				left = slices.DeleteFunc(left, func(e os.DirEntry) bool {
					return slices.ContainsFunc(built, func(b os.DirEntry) bool { return b.Name() == e.Name() })
				})
			}
			if err != nil || len(left) > 0 {
				t.Errorf("step %d: %s has %v, %v", n, dir, left, err)
			}
		}
		if err == nil {
			break
		}
		if n > 300 {
			t.Fatal("300 steps, and no end")
		}
	}
	if whole == 0 || none < 5 {
		t.Errorf("%d kills left the run, %d did not", whole, none)
	}
}

// What docs/results.md has people type is run by a script.
func TestDocumentedCommands(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "results.md"))
	if err != nil {
		t.Fatal(err)
	}
	var scripts strings.Builder
	for _, name := range []string{"results", "clean"} {
		text, err := os.ReadFile(filepath.Join("testdata", "script", name+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(text)
	}
	n := 0
	for l := range strings.Lines(string(page)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(l), "$ nixbatch ")
		if !ok {
			continue
		}
		n++
		if typed := "nixbatch " + command; !strings.Contains(scripts.String(), typed+"\n") && !strings.Contains(scripts.String(), typed+" | ") {
			t.Errorf("no script runs: nixbatch %s", command)
		}
	}
	if n < 5 {
		t.Errorf("the page has %d commands", n)
	}
}
