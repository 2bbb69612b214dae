// Package examples_test builds what the examples are made of with real Nix and
// runs it: every package of the miniature set that a job file here names, and
// the energies against published ones. It works in temporary directories with
// a Nix configuration of its own, fetches nothing, and times nothing.
package examples_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nix runs Nix's commands with a private configuration: no sandbox, no build
// users, no caches, and a home directory that is thrown away.
type nix struct {
	t   *testing.T
	dir string
	env []string
}

func newNix(t *testing.T) *nix {
	t.Helper()
	dir := t.TempDir()
	conf := "sandbox = false\nbuild-users-group =\nsubstituters =\n"
	if err := os.WriteFile(filepath.Join(dir, "nix.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	return &nix{t: t, dir: dir, env: []string{
		"PATH=/usr/bin:/bin", "NIX_CONF_DIR=" + dir, "HOME=" + filepath.Join(dir, "home"), "TMPDIR=" + dir,
		"OMP_WAIT_POLICY=passive", // a thread that waits for another leaves it the processor
	}}
}

// command runs a program in the examples folder and returns what it wrote and
// its exit code; a program that cannot be started ends the test.
func (n *nix) command(name string, args ...string) (stdout, stderr string, code int) {
	n.t.Helper()
	var out, diag bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = n.env, &out, &diag
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		n.t.Fatalf("start %s: %v", name, err)
	}
	return out.String(), diag.String(), cmd.ProcessState.ExitCode()
}

// must is command for what has to succeed; it returns trimmed standard output.
func (n *nix) must(name string, args ...string) string {
	n.t.Helper()
	stdout, stderr, code := n.command(name, args...)
	if code != 0 {
		n.t.Fatalf("%s %q: exit %d\n%s", name, args, code, stderr)
	}
	return strings.TrimSpace(stdout)
}

// set is the start of an expression in which p is the miniature package set.
func set(t *testing.T, args string) string {
	t.Helper()
	path, err := filepath.Abs("minipkgs")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`let p = import %s { system = "x86_64-linux"; %s }; in `, path, args)
}

// build builds an expression and returns its store path, kept by a link in a
// temporary directory.
func (n *nix) build(expression string) string {
	n.t.Helper()
	return n.must("nix-build", "-o", filepath.Join(n.t.TempDir(), "result"), "-E", expression)
}

// eval evaluates an expression to a string.
func (n *nix) eval(expression string) string {
	n.t.Helper()
	return strings.Trim(n.must("nix-instantiate", "--eval", "--strict", "-E", expression), `"`)
}

// evalJSON evaluates an expression once, and reads its value.
func (n *nix) evalJSON(expression string, to any) {
	n.t.Helper()
	text := n.must("nix-instantiate", "--eval", "--strict", "--json", "-E", expression)
	if err := json.Unmarshal([]byte(text), to); err != nil {
		n.t.Fatalf("%v: %s", err, text)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
