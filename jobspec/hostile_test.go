package jobspec

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/nixbatch/nixbatch/internal/sri"
	"github.com/nixbatch/nixbatch/internal/strictyaml"
)

// hostile are strings that break careless programs.
var hostile = []string{
	"", " ", "-", "--help", "-x y", "'", `"`, "`id`", "$(id)", "${HOME}", "a;id", "a&&id", "a|id", "a\nb", "a\r\nb", "\t", "\x00", "a\x00b",
	"\x1b[31m", "\u202e", "\u2028", "\ufeff", "é", "日本", "🧪", "\\", `\"`, "%s%n", "*", "?", "[", "{a,b}", "{", "~", "~root", "..", "../..", "/",
	"/etc/passwd", ".nixbatch", "./.nixbatch/x", "a/../.nixbatch", "<nixpkgs>", "null", "true", "010", "1e999", "<<", "*a", "&a", "!!str x",
	"# x", ": ", "- ", "---", "...", strings.Repeat("x", 5000),
}

// Each place of a job file takes a hostile string unchanged or refuses it with
// messages that are fit for a terminal.
func TestHostileStrings(t *testing.T) {
	for _, h := range hostile {
		q, err := json.Marshal(h) // JSON's strings are YAML's
		if err != nil {
			t.Fatal(err)
		}
		quoted := string(q)
		for _, c := range []struct {
			key, line string
			value     func(s *Spec) string
		}{
			{"name", "name: " + quoted, func(s *Spec) string { return s.Name }},
			{"run", "run: " + quoted, func(s *Spec) string { return s.Run }},
			{"env", "env: {A: " + quoted + "}", func(s *Spec) string { return s.Env[0].Value }},
			{"env", "env: {" + quoted + ": A}", func(s *Spec) string { return s.Env[0].Name }},
			{"inputs", "inputs: [" + quoted + "]", func(s *Spec) string { return s.Inputs[0] }},
			{"outputs", "outputs: [" + quoted + "]", func(s *Spec) string { return s.Outputs[0] }},
			{"slurm", "slurm: {account: " + quoted + "}", func(s *Spec) string { v, _ := s.Slurm.Get("account"); return v }},
			{"slurm", "slurm: {" + quoted + ": 1}", func(s *Spec) string { return s.Slurm[0].Name }},
			{"environment", "environment: {nixpkgs: {path: " + quoted + "}, packages: [a]}", func(s *Spec) string { return s.Environment.Nixpkgs.Path }},
			{"environment", "environment: {nixpkgs: " + quoted + ", packages: [a]}", nil},
			{"environment", "environment: {nixpkgs: {github: " + quoted + ", rev: " + quoted + "}, packages: [a]}", nil},
			{"environment", "environment: {nixpkgs: {url: " + quoted + ", hash: " + quoted + "}, packages: [a]}", nil},
			{"environment", "environment: {nixpkgs: {git: " + quoted + ", ref: " + quoted + "}, packages: [a]}", nil},
			{"environment", "environment: {nixpkgs: {path: x}, packages: [" + quoted + "]}", func(s *Spec) string { return s.Environment.Packages[0] }},
			{"environment", "environment: {nixpkgs: {path: x}, packages: [a], config: {" + quoted + ": [yes]}}", nil},
			{"optimize", "optimize: {arch: " + quoted + "}", func(s *Spec) string { return s.Optimize.Arch[0] }},
			{"threads", "threads: {per-task: " + quoted + "}", nil},
			{"x", quoted + ": 1", nil},
		} {
			data := []byte(job(c.key, c.line))
			s, err := Parse("job.yaml", data)
			if err != nil {
				checkProblems(t, data, problems(t, err))
				continue
			}
			if c.value == nil {
				if c.key == "threads" && h != "1" {
					t.Errorf("%s: accepted", c.line)
				}
				continue
			}
			if got := c.value(s); got != h {
				t.Errorf("%s: read as %q", c.line, got)
			}
			if strings.Contains(h, "\x00") {
				t.Errorf("%s: NUL accepted", c.line)
			}
		}
	}
}

// checkProblems tells whether problems point into the file and can be printed.
func checkProblems(t testing.TB, data []byte, ps Problems) {
	t.Helper()
	lines := strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n")
	for i, p := range ps {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 {
			t.Errorf("outside the file: %s in %q", p, data)
		}
		if i > 0 && (p.Line < ps[i-1].Line || p.Line == ps[i-1].Line && p.Column < ps[i-1].Column) {
			t.Errorf("not in order: %s", p)
		}
		for _, s := range []string{p.Message, p.Hint} {
			if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) || len(s) > 2100 {
				t.Errorf("not fit for a terminal: %q", s)
			}
		}
		if p.Message == "" {
			t.Errorf("no message: %+v", p)
		}
	}
}

// An alias bomb of ten levels would be ten thousand million values.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	names := "abcdefghijk"
	for i := 1; i < len(names); i++ {
		alias := "*a" + string(rune('0'+i-1))
		b.WriteString("a" + string(names[i]) + ": &a" + string(rune('0'+i)) + " [" + strings.TrimSuffix(strings.Repeat(alias+", ", 10), ", ") + "]\n")
	}
	b.WriteString("name: *a9\n")
	data := []byte(b.String())
	_, err := Parse("bomb.yaml", data)
	ps := problems(t, err)
	checkProblems(t, data, ps)
	if len(ps) > strictyaml.MaxProblems+1 {
		t.Errorf("%d problems", len(ps))
	}
	// What is copied shows in what is allocated, whatever the machine's speed.
	if per := testing.AllocsPerRun(1, func() { _, _ = Parse("bomb.yaml", data) }); per > 50_000 {
		t.Errorf("%v allocations", per)
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/valid-*.yaml", "testdata/invalid-*.yaml"} {
		for _, file := range files(f, pattern) {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("job.yaml", data)
		if err != nil {
			checkProblems(t, data, problems(t, err))
			return
		}
		if !nameRE.MatchString(s.Name) || s.Environment.Nixpkgs.Kind == 0 || len(s.Environment.Packages) == 0 || s.Run == "" {
			t.Errorf("accepted without what is required: %+v", s)
		}
		for _, p := range append(s.Environment.Overlays, s.Environment.Nixpkgs) {
			if p.Kind != Path && !sri.Is(p.Hash) || (p.Kind == GitHub || p.Kind == Git) && !revRE.MatchString(p.Rev) {
				t.Errorf("accepted without a pin: %+v", p)
			}
		}
	})
}
