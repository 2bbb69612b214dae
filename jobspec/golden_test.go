package jobspec

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the expected files anew")

func files(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files match %s (%v)", pattern, err)
	}
	return names
}

// golden compares got with a file beside the tests.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func problems(t testing.TB, err error) Problems {
	t.Helper()
	var ps Problems
	if !errors.As(err, &ps) || len(ps) == 0 {
		t.Fatalf("not problems: %v", err)
	}
	return ps
}

func TestValid(t *testing.T) {
	for _, file := range files(t, "testdata/valid-*.yaml") {
		if _, err := Load(file); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func TestInvalid(t *testing.T) {
	for _, file := range files(t, "testdata/invalid-*.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := Load(file)
			got := strings.ReplaceAll(problems(t, err).Error(), file+":", "")
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", got+"\n")
		})
	}
}

// What a person sees is in the words of the job file.
func TestNoWordsOfTheProgram(t *testing.T) {
	forbidden := regexp.MustCompile(`int64|float64|\[\]|map\[|struct|yaml:|!!|<nil>|%!|interface|unmarshal`)
	for _, file := range files(t, "testdata/invalid-*.yaml") {
		_, err := Load(file)
		for _, p := range problems(t, err) {
			if word := forbidden.FindString(p.Message + "\n" + p.Hint); word != "" {
				t.Errorf("%s says %q", p, word)
			}
			if m := p.Message; m == "" || strings.HasSuffix(m, ".") || m != strings.TrimSpace(m) {
				t.Errorf("not a message: %q", m)
			}
		}
	}
}

func TestTenMistakes(t *testing.T) {
	_, err := Load("testdata/invalid-ten-mistakes.yaml")
	want := []struct {
		line, column int
		about        string
	}{
		{1, 7, "water scf"},
		{3, 41, "nixos-24.05"},
		{4, 3, "pakages"},
		{5, 13, "a list of package names"},
		{7, 9, "hasswell"},
		{9, 18, "010"},
		{10, 9, "slurm.time"},
		{11, 3, "job-name"},
		{12, 11, "../water.out"},
		{13, 1, "duplicate key"},
	}
	ps := problems(t, err)
	if len(ps) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(ps), len(want), ps)
	}
	for i, w := range want {
		if p := ps[i]; p.Line != w.line || p.Column != w.column || !strings.Contains(p.Message, w.about) {
			t.Errorf("got %s\nwant %d:%d about %s", p, w.line, w.column, w.about)
		}
	}
}
