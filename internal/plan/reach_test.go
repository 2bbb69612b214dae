package plan_test

import (
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/plan"
)

func flagsOf(t *testing.T, build string) cpuflags.Set {
	t.Helper()
	b, ok := cpuflags.ParseBuild(build)
	if !ok {
		t.Fatal(build)
	}
	return b.Flags()
}

// A build is what its derivations are compiled for, whatever it is called.
func TestReveal(t *testing.T) {
	for _, c := range []struct {
		arch  string
		march map[string]int
		needs string
	}{
		{"generic", nil, ""},
		{"generic", map[string]int{"x86-64": 3, "native": 1, "armv8-a": 1, "rv64gc": 1}, ""},
		{"generic", map[string]int{"haswell": 4}, "haswell"},
		{"generic", map[string]int{"haswell": 4, "x86-64-v2": 1}, "haswell"},
		{"haswell", map[string]int{"haswell": 4}, ""},
		{"znver3", map[string]int{"haswell": 4}, ""},
		{"x86-64-v2", map[string]int{"haswell": 4}, "haswell"},
	} {
		p := &plan.Plan{System: "x86_64-linux"}
		b := plan.Build{Arch: c.arch}
		if err := p.Reveal(&b, c.march); err != nil || b.Needs != c.needs || (len(p.Notes) > 0) != (c.needs != "") {
			t.Errorf("%+v: needs %q, notes %v, %v", c, b.Needs, p.Notes, err)
		}
	}
	p := &plan.Plan{System: "x86_64-linux"}
	if err := p.Reveal(&plan.Build{Arch: "generic"}, map[string]int{"bdver2": 1, "znver3": 1}); err == nil || !strings.Contains(err.Error(), "bdver2 and znver3") {
		t.Errorf("%v", err)
	}
	old, new := flagsOf(t, "btver1"), flagsOf(t, "haswell")
	generic, own, haswell := plan.Build{Arch: "generic"}, plan.Build{Arch: "generic", Needs: "haswell"}, plan.Build{Arch: "haswell"}
	for _, c := range []struct {
		b    plan.Build
		f    cpuflags.Set
		runs bool
	}{{generic, old, true}, {own, old, false}, {own, new, true}, {haswell, old, false}, {haswell, new, true}} {
		if c.b.RunsOn(c.f) != c.runs {
			t.Errorf("%+v on %s: %v", c.b, c.f, !c.runs)
		}
	}
}

// What a person has to know of a build stands in its plan, once.
func TestTell(t *testing.T) {
	p := &plan.Plan{System: "x86_64-linux"}
	b := plan.Build{Arch: "znver4", NoTests: true}
	r := nixgraph.Reach{Names: []nixgraph.Named{{Name: "openblas", Is: "openblas-0.3.28", Forms: []string{"openblas-0.3.28"}, Reaches: []string{"nwchem"},
		Arguments: `{"enableAVX512":true}`}}, Rebuilt: []string{"nwchem-7", "openblas-0.3.28"}, Tested: []string{"nwchem-7"}}
	p.Tell(&b, r)
	p.Tell(&b, r)
	if len(b.Reach) != 1 || len(b.Rebuilt) != 2 || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "tests of nwchem-7 stay on") {
		t.Errorf("%+v, %v", b, p.Notes)
	}
	if words := b.Reach[0].Words(); !strings.HasPrefix(words, `openblas reaches nwchem, built with {"enableAVX512":true}; it chooses its kernels`) {
		t.Errorf("%s", words)
	}
}
