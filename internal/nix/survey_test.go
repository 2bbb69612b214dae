package nix

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One process answers what many would: the same derivations, and the same words
// on the pin.
func TestSurveyIsInfoAndInstantiate(t *testing.T) {
	ctx := context.Background()
	apart, _ := testNix(t)
	together, c := testNix(t)
	e := minipkgs(t, `final: prev: { shown = final.stdenv.mkDerivation {
	  name = "shown-${final.config.opt.arch or "none"}"; buildCommand = "echo > $out"; }; }`)
	e.Config = map[string]any{"allowUnfree": true}
	job := func(arch string, change func(*Env)) Env {
		j := e
		j.Packages, j.OptimizePackages, j.Arch, j.Tune = []string{"rhf", "shown"}, []string{"rhf", "minilinalg"}, arch, arch
		if change != nil {
			change(&j)
		}
		return j
	}
	jobs := []Env{
		job("generic", nil), job("haswell", nil), job("znver3", func(j *Env) { j.NoTests = true }),
		job("haswell", func(j *Env) { j.Everywhere = true }),
		job("haswell", func(j *Env) { j.OptimizeConfig = "opt.arch" }),
		job("haswell", func(j *Env) { j.Name = "other" }),
	}
	if err := together.provide(ctx, expression(e, "").sources(), false); err != nil {
		t.Fatal(err)
	}
	before := c.count()
	info, err := together.Survey(ctx, e, jobs)
	if err != nil || c.count() != before+1 {
		t.Fatalf("%d processes, %v", c.count()-before, err)
	}
	if want, err := apart.Info(ctx, e); err != nil || cmp.Diff(want, info) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(want, info))
	}
	seen := map[string]bool{}
	for i, j := range jobs {
		_, want := instantiate(t, apart, j)
		before := c.count()
		_, got := instantiate(t, together, j)
		if got != want || c.count() != before {
			t.Errorf("job %d: %v, alone %v; %d processes", i, got, want, c.count()-before)
		}
		seen[got.Drv] = true
	}
	if len(seen) != len(jobs) {
		t.Errorf("%d derivations of %d jobs: some tell nothing", len(seen), len(jobs))
	}
	before = c.count()
	if again, err := together.Survey(ctx, e, jobs); err != nil || cmp.Diff(info, again) != "" || c.count() != before {
		t.Errorf("asked again: %v, %d processes", err, c.count()-before)
	}
}

// A job that cannot be evaluated does not stand in the way of what the pin says,
// and leaves no log: who needs it is told.
func TestSurveyOfABrokenJob(t *testing.T) {
	n, _ := testNix(t)
	ctx := context.Background()
	e := minipkgs(t, "")
	broken := e
	broken.Packages = []string{"rfh"}
	info, err := n.Survey(ctx, e, []Env{e, broken})
	if err != nil || info.GCC == "" {
		t.Fatalf("%+v, %v", info, err)
	}
	if logs, err := os.ReadDir(filepath.Join(n.Dir, "logs")); err == nil && len(logs) > 0 {
		t.Errorf("a log is left: %v", logs)
	}
	var mp *MissingPackage
	if _, err := n.Instantiate(ctx, Expression(broken)); !errors.As(err, &mp) || !strings.Contains(strings.Join(mp.Suggestions, " "), "rhf") {
		t.Errorf("%v", err)
	}
}
