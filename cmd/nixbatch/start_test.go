package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// initLine is what GODEBUG=inittrace=1 prints for a package (package runtime).
var initLine = lazyre.New(`init github\.com/nixbatch/nixbatch/(\S+) @.* clock, \d+ bytes, (\d+) allocs`)

// Every start of the program pays for what its packages make before main: they
// make next to nothing. What is made is counted, not how long it takes.
func TestNothingIsMadeAtTheStart(t *testing.T) {
	c := bed(t)
	env, err := place(c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	res, err := proc.System{}.Run(t.Context(), proc.Cmd{Path: filepath.Join(c.Dir, "bin", "nixbatch"), Args: []string{"--version"}, Env: append(env, "GODEBUG=inittrace=1")})
	if err != nil {
		t.Fatal(err)
	}
	if string(res.Stdout) != "nixbatch version "+command.Version+"\n" {
		t.Errorf("--version printed %q", res.Stdout)
	}
	if !strings.Contains(string(res.Stderr), "init runtime @") {
		t.Fatalf("no trace:\n%s", res.Stderr)
	}
	for _, m := range initLine.FindAllStringSubmatch(string(res.Stderr), -1) {
		if n, err := strconv.Atoi(m[2]); err != nil || n > 10 {
			t.Errorf("%s makes %s things before main", m[1], m[2])
		}
	}
}
