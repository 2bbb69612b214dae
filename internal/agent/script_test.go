package agent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// Nothing of the user's runs before the word that the start is written down, and
// nothing at all where that word does not come.
func TestLinesWaitForTheStart(t *testing.T) {
	bash, err := proc.Look("bash")
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]struct {
		code int
		out  string
	}{"\n": {0, "environment\nlines\n"}, "": {fault.Refused.ExitCode(), "environment\n"}} {
		dir := t.TempDir()
		a := Agent{Machine: Node{}, Run: rundir.Run{ID: "r", Dir: dir}, plan: &plan.Plan{}}
		for name, text := range map[string]string{
			// A shell that gives up reading after a while must not give up here.
			filepath.Join(dir, "activate"): "TMOUT=1\necho environment\n[ ! -e /proc/self/fd/4 ] || echo it has the pipe\n",
			a.Run.LinesFile():              "[ ! -e /proc/self/fd/4 ] || echo they have the pipe\n[ -z \"${__nixbatch_start+x}\" ]\necho lines\n",
		} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		lines, err := a.writeScript(facts.Chosen{Env: dir})
		if err != nil {
			t.Fatal(err)
		}
		wait, let, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := proc.Start(t.Context(), proc.Cmd{Path: bash, Args: []string{"--noprofile", "--norc", "/proc/self/fd/3"},
			Extra: []*os.File{lines, wait}, Stdout: out, Stderr: out}, true)
		wait.Close()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := let.WriteString(word); err != nil {
			t.Fatal(err)
		}
		let.Close()
		code := 0
		var pe *proc.Error
		if err := p.Wait(); errors.As(err, &pe) {
			code = pe.ExitCode
		} else if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(out.Name())
		if err != nil || code != want.code || string(text) != want.out {
			t.Errorf("word %q: exit code %d, %q, %v; want %d, %q", word, code, text, err, want.code, want.out)
		}
	}
}
