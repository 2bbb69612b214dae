package plan_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/jobspec"
)

var update = flag.Bool("update", false, "write the plans of testdata again")

// Whole plans, as JSON: testdata/*.yaml on the cluster of the other tests.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		s, err := jobspec.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		in := input(t, s, classes(t, three...))
		if strings.Contains(file, "site") {
			in.Site = settled(t)
		}
		p, err := plan.Make(in)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for i := range p.Builds { // the expression has its own tests
			p.Builds[i].Expression, p.Builds[i].Key = "", ""
		}
		got, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".json"
		if *update {
			if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.TrimSpace(string(want)), string(got)); d != "" {
			t.Errorf("%s:\n%s", golden, d)
		}
	}
}

// settled is testdata/site/site.yaml, as an admin's file.
func settled(t *testing.T) *site.Config {
	t.Helper()
	c, err := site.Load(func(name string) string { return map[string]string{site.EnvDir: "testdata/site"}[name] })
	if err != nil || len(c.Files) != 1 {
		t.Fatal(c, err)
	}
	return c
}
