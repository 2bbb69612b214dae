package plan_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// hostile are names of directories that a shell, sbatch or a pattern could take
// for something else.
var hostile = []string{"plain", "with space", "it's", `quo"te`, "dollar$HOME", "back`tick`", `back\slash`, "-dash", "#hash", "per%cent%j",
	"semi;colon", "new*glob?[x]", "umläut", "a&b|c", "(paren)", "{brace}", "~tilde", "!bang", "=eq", "packjob"}

func script(t *testing.T, dir string) string {
	t.Helper()
	in := input(t, job(t, "packages: [rhf]", "partition: main; constraint: '[a|b]&c'; begin: 16:00"), classes(t, three...))
	p, err := plan.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.Script(plan.Place{RunID: "water-1", RunDir: dir, WorkDir: filepath.Dir(dir), Log: "logs/0.log"})
	if err != nil {
		t.Fatalf("%q: %v", dir, err)
	}
	return text
}

func run(path string, env []string, args ...string) (proc.Result, error) {
	return proc.System{}.Run(context.Background(), proc.Cmd{Path: path, Args: args, Env: env})
}

// Every shell takes the script, shellcheck has nothing to say, and what is
// started is the agent with the run directory as its one argument, whatever the
// directory is called.
func TestScriptInAnyDirectory(t *testing.T) {
	for _, name := range hostile {
		dir := filepath.Join(t.TempDir(), name, ".nixbatch", "runs", "water-1")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "batch.sh")
		if err := os.WriteFile(file, []byte(script(t, dir)), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, check := range [][]string{{"bash", "-n", file}, {"dash", "-n", file},
			// SC2016: a $ in a directory's name is meant as it stands.
			{"shellcheck", "--severity=style", "--exclude=SC2016", file}} {
			if res, err := run(check[0], nil, check[1:]...); err != nil {
				t.Errorf("%q: %v\n%s", name, err, res.Stdout)
			}
		}
		if _, err := run("sh", nil, file); err == nil || !strings.Contains(err.Error(), "hint: submit from a directory that the nodes share") {
			t.Errorf("%q, without an agent: %v", name, err)
		}
		agent := filepath.Join(dir, "nixbatch")
		if err := os.WriteFile(agent, []byte("#!/bin/sh\nprintf '%s.' \"$#\" \"$@\"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, sh := range []string{"bash", "dash"} {
			log := filepath.Join(filepath.Dir(dir), "logs", "0.log")
			if err := os.RemoveAll(log); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
				t.Fatal(err)
			}
			// Slurm starts the script in the directory that --chdir names.
			res, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: sh, Args: []string{file}, Dir: filepath.Dir(dir)})
			if own, lerr := os.ReadFile(log); lerr == nil {
				res.Stdout = own // the script opens the log itself: see Script
			}
			if got := string(res.Stdout); err != nil || !strings.HasPrefix(got, "2.agent."+dir+".") {
				t.Errorf("%q under %s: %q, %v", name, sh, got, err)
			}
		}
	}
}

// A node of another architecture says so, where the shell would take the agent
// for a script of its own.
func TestScriptOnAnotherMachine(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"nixbatch": "\x7fELF", "bin/uname": "#!/bin/sh\ncase $1 in -m) echo aarch64 ;; *) echo arm7 ;; esac\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// The kernel's own word counts where it has one.
	for arch, want := range map[string]string{"": "aarch64", "riscv64\n": "riscv64"} {
		text := strings.ReplaceAll(script(t, dir), "/proc/sys/kernel/arch", filepath.Join(dir, "arch"))
		for name, text := range map[string]string{"batch.sh": text, "arch": arch} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if arch == "" {
			if err := os.Remove(filepath.Join(dir, "arch")); err != nil {
				t.Fatal(err)
			}
		}
		for _, sh := range []string{"sh", "bash"} {
			_, err := run(sh, []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")}, filepath.Join(dir, "batch.sh"))
			var pe *proc.Error
			words := "nixbatch: arm7 is an " + want + " machine, and this run was built for x86_64\nhint: "
			if !errors.As(err, &pe) || pe.ExitCode != fault.Refused.ExitCode() || !strings.HasPrefix(string(pe.Stderr), words) {
				t.Errorf("%s, kernel says %q: %v\n%s", sh, arch, err, pe.Stderr)
			}
		}
	}
}

// A call's ticket reaches the agent, in whatever directory, and nothing else of
// the script differs.
func TestForCall(t *testing.T) {
	for _, name := range []string{"plain", "per%cent%j", `agent "$run"`} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.MkdirAll(filepath.Join(filepath.Dir(dir), "logs"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		plain := script(t, dir)
		if same, err := plan.ForCall(plain, facts.Ticket{Calls: 1}); err != nil || same != plain {
			t.Errorf("%q: a plain job's script: %v\n%s", name, err, same)
		}
		told, err := plan.ForCall(plain, facts.Ticket{Round: 1, Offset: 1000})
		if err != nil || len(told) != len(plain)+len(" round=1 offset=1000") || strings.Replace(told, " round=1 offset=1000", "", 1) != plain {
			t.Fatalf("%q: %v\n%s", name, err, told)
		}
		agent, out := filepath.Join(dir, "nixbatch"), filepath.Join(dir, "told")
		for file, text := range map[string]string{agent: "#!/bin/sh\nprintf '%s.' \"$@\" >" + proc.Quote(out) + "\n", filepath.Join(dir, "batch.sh"): told} {
			if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		_, err = proc.System{}.Run(context.Background(), proc.Cmd{Path: "sh", Args: []string{filepath.Join(dir, "batch.sh")}, Dir: filepath.Dir(dir)})
		if got, rerr := os.ReadFile(out); err != nil || rerr != nil || string(got) != "agent."+dir+".round=1.offset=1000." {
			t.Errorf("%q: %q, %v, %v", name, got, err, rerr)
		}
	}
}

// A script that the ticket cannot be put into is not sent.
func TestForCallRefuses(t *testing.T) {
	dir := t.TempDir()
	plain := script(t, dir)
	told, err := plan.ForCall(plain, facts.Ticket{Round: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"none": "", "told already": told, "a line behind": plain + "true\n", "another last line": strings.Replace(plain, "exec ", "nice ", 1),
		"cut off": strings.TrimSuffix(plain, "\n")} {
		var e *fault.Error
		if got, err := plan.ForCall(text, facts.Ticket{Round: 2}); !errors.As(err, &e) || e.Hint() == "" {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

func TestScriptRefuses(t *testing.T) {
	p, err := plan.Make(input(t, job(t, "", ""), classes(t, three...)))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/tmp/a\nb", "/tmp/a\tb", "/tmp/a\x00b"} {
		if text, err := p.Script(plan.Place{RunID: "r", RunDir: dir, WorkDir: dir, Log: "l"}); err == nil {
			t.Errorf("%q: no error:\n%s", dir, text)
		}
	}
}
