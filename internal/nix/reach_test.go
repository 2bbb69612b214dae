package nix

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// layers is an overlay with sets within the set: a scope that can be overridden, and
// a plain one.
const layers = `
final: prev:
let
  uses = name: inputs: final.stdenv.mkDerivation { inherit name; buildCommand = "mkdir $out; echo ${toString inputs} > $out/it"; };
in
{
  scoped = final.lib.makeScope final.newScope (self: {
    inner = self.callPackage ({ fastlin }: uses "inner" [ fastlin ]) { };
    outer = self.callPackage ({ inner }: uses "outer" [ inner ]) { };
  });
  plain = {
    one = uses "plain-one" [ final.fastlin ];
    two = uses "plain-two" [ final.plain.one ];
  };
  also = final.minifft;
  besides = final.callPackage ({ minifft }: uses "besides" [ minifft ]) { };
}
`

// What differs from the generic build is what lies between the names and the
// environment, in one form.
func TestReachOfARebuild(t *testing.T) {
	n, _ := testNix(t)
	for _, c := range []struct {
		what            string
		packages, named []string
		changed         []string
		reaches         map[string][]string
	}{
		{"a provider behind switches and wide integers", []string{"quanta", "hello"}, []string{"fastlin"},
			[]string{"blas-3", "fastlin-1.0", "lapack-3", "quanta-1.0"}, map[string][]string{"fastlin": {"quanta"}}},
		{"the switches", []string{"quanta"}, []string{"blas", "lapack", "quanta"},
			[]string{"blas-3", "lapack-3", "quanta-1.0"}, map[string][]string{"blas": {"quanta"}, "lapack": {"quanta"}, "quanta": {"quanta"}}},
		{"a variant under another name", []string{"mdsim"}, []string{"minifft", "mdsim"},
			[]string{"mdsim-1.0", "minifft-single-1.0"}, map[string][]string{"minifft": {"mdsim"}, "mdsim": {"mdsim"}}},
		{"a variant and what it is one of", []string{"mdsim", "besides"}, []string{"minifftSingle", "minifft"},
			[]string{"besides", "mdsim-1.0", "minifft-double-1.0", "minifft-single-1.0"},
			map[string][]string{"minifftSingle": {"mdsim"}, "minifft": {"mdsim", "besides"}}},
		{"below Python", []string{"python3Packages.chemlib", "quanta"}, []string{"fastlin"},
			[]string{"blas-3", "blas-3", "fastlin-1.0", "fastlin-1.0", "lapack-3", "python3.1-chemlib-1.0", "python3.1-numlib-1.0", "python3.1-scilib-1.0", "quanta-1.0"},
			map[string][]string{"fastlin": {"python3Packages.chemlib", "quanta"}}},
		{"a module, by its interpreter", []string{"python31Packages.chemlib"}, []string{"python3.pkgs.numlib"},
			[]string{"python3.1-chemlib-1.0", "python3.1-numlib-1.0", "python3.1-scilib-1.0"},
			map[string][]string{"python3.pkgs.numlib": {"python31Packages.chemlib"}}},
		{"within a scope", []string{"scoped.outer"}, []string{"scoped.inner"},
			[]string{"inner", "outer"}, map[string][]string{"scoped.inner": {"scoped.outer"}}},
		{"within a plain set", []string{"plain.two"}, []string{"plain.one"},
			[]string{"plain-one", "plain-two"}, map[string][]string{"plain.one": {"plain.two"}}},
		{"nothing", []string{"hello", "mdsim"}, []string{"fastlin", "mdsim"},
			[]string{"mdsim-1.0"}, map[string][]string{"fastlin": {}, "mdsim": {"mdsim"}}},
	} {
		e := minipkgs(t, layers)
		e.Packages, e.OptimizePackages, e.Arch, e.Tune = c.packages, c.named, "haswell", "haswell"
		generic, optimised := graphs(t, n, e)
		changed := []string{}
		for _, node := range optimised.Diff(generic) {
			if node.Drv != optimised.Root {
				changed = append(changed, node.Name)
			}
		}
		if diff := cmp.Diff(c.changed, changed); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
		if wrong, err := optimised.Astray(generic); err != nil || len(wrong) > 0 {
			t.Errorf("%s: %v, %v", c.what, wrong, err)
		}
		r, err := optimised.Reach()
		if err != nil {
			t.Fatal(err)
		}
		reaches := map[string][]string{}
		for _, n := range r.Names {
			reaches[n.Name] = n.Reaches
		}
		if diff := cmp.Diff(c.reaches, reaches); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

// A package set may have overlays of its own, and put them behind those that it is
// given: what they have is replaced as well.
func TestReachInASetWithOverlays(t *testing.T) {
	n, _ := testNix(t)
	tree := t.TempDir()
	if err := os.CopyFS(filepath.Join(tree, "base"), os.DirFS(filepath.Join("..", "..", "examples", "minipkgs"))); err != nil {
		t.Fatal(err)
	}
	const set = "args: import ./base (args // { overlays = args.overlays ++ [ (import ./own.nix) ]; })\n"
	writeFile(t, filepath.Join(tree, "default.nix"), set)
	writeFile(t, filepath.Join(tree, "own.nix"), layers)
	e := minipkgs(t, "")
	e.Nixpkgs = resolvePath(t, tree)
	e.Packages, e.OptimizePackages, e.Arch, e.Tune = []string{"besides"}, []string{"besides", "minifft"}, "haswell", "haswell"
	generic, optimised := graphs(t, n, e)
	if wrong, err := optimised.Astray(generic); err != nil || len(wrong) > 0 {
		t.Errorf("%v, %v", wrong, err)
	}
	r, err := optimised.Reach()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range r.Names {
		if !slices.Equal(n.Reaches, []string{"besides"}) {
			t.Errorf("%s reaches %q", n.Name, n.Reaches)
		}
	}
}

// The judge of the test above finds what it is for.
func TestAstray(t *testing.T) {
	n, _ := testNix(t)
	// Who took a package by another way than through the set keeps the old one.
	e := minipkgs(t, `final: prev: {
	  kept = prev.callPackage ({ minifft }: final.stdenv.mkDerivation { name = "kept"; buildCommand = "mkdir $out; echo ${minifft} > $out/it"; }) { inherit (prev) minifft; };
	  both = final.stdenv.mkDerivation { name = "both"; buildCommand = "mkdir $out; echo ${final.kept} ${final.minifft} > $out/it"; }; }`)
	e.Packages, e.OptimizePackages, e.Arch, e.Tune = []string{"both"}, []string{"minifft"}, "haswell", "haswell"
	generic, optimised := graphs(t, n, e)
	twice := optimised.Twice(generic)
	if len(twice) != 1 || twice[0].Name != "minifft-double-1.0" || !slices.Equal(twice[0].By, []string{"kept"}) {
		t.Errorf("twice: %+v", twice)
	}
	if wrong, err := optimised.Astray(generic); err != nil || len(wrong) != 1 || !strings.Contains(wrong[0], "[kept]") {
		t.Errorf("%v, %v", wrong, err)
	}
	other := e
	other.Packages = []string{"both", "quanta"}
	_, more := graphs(t, n, other)
	if wrong, err := more.Astray(generic); err != nil || !slices.ContainsFunc(wrong, func(s string) bool { return strings.Contains(s, "quanta-1.0 differs, and lies between no name") }) {
		t.Errorf("%v, %v", wrong, err)
	}
}

// What is known of packages is given to those that take it, and the job file's word
// goes before; what a package is told is in its derivation.
func TestArguments(t *testing.T) {
	n, _ := testNix(t)
	for _, c := range []struct {
		override map[string]any
		want     string
	}{
		{nil, `{"simd":"AVX2"}`},
		{map[string]any{"simd": "AVX512"}, `{"simd":"AVX512"}`},
	} {
		e := minipkgs(t, "")
		e.Packages, e.OptimizePackages, e.Arch, e.Tune = []string{"mdsim"}, []string{"mdsim", "minifft"}, "haswell", "haswell"
		e.Known = map[string]map[string]any{"": {"simd": "none", "avx2Support": true}, "mdsim": {"simd": "AVX2", "elsewhere": 1}}
		if c.override != nil {
			e.Override = map[string]map[string]any{"mdsim": c.override}
		}
		_, optimised := graphs(t, n, e)
		r, err := optimised.Reach()
		if err != nil || len(r.Names) != 2 || r.Names[0].Arguments != c.want || r.Names[1].Arguments != "" {
			t.Errorf("%+v, %v; want %s", r.Names, err, c.want)
		}
		_, out := realise(t, n, e)
		text, err := os.ReadFile(out + "/activate")
		if err != nil || strings.Contains(string(text), "nixbatchOptimized") || strings.Contains(string(text), ".drv") {
			t.Errorf("the job's environment has what nixbatch keeps in derivations: %v", err)
		}
	}
	e := minipkgs(t, "")
	e.Packages, e.OptimizePackages, e.Arch, e.Tune = []string{"mdsim"}, []string{"mdsim"}, "haswell", "haswell"
	e.Override = map[string]map[string]any{"mdsim": {"smid": 1}}
	_, err := n.Instantiate(context.Background(), Expression(e))
	var ne *Error
	if !errors.As(err, &ne) || ne.Message != `optimize.packages: mdsim takes no argument "smid"` || ne.Hint() != "it takes fft, simd, stdenv" {
		t.Errorf("%v", err)
	}
}

// The generic build is the one that it is without anything to optimise.
func TestGenericStaysGeneric(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, layers)
	e.Packages = []string{"quanta", "python3Packages.chemlib"}
	_, plain := instantiate(t, n, e)
	e.OptimizePackages, e.Known = []string{"fastlin", "python3Packages.numlib"}, map[string]map[string]any{"": {"simd": "x"}}
	e.Override = map[string]map[string]any{"fastlin": {"blas64": true}}
	if _, d := instantiate(t, n, e); d != plain {
		t.Errorf("%s, without names %s", d.Drv, plain.Drv)
	}
}

// What is built runs, and is linked to what was built for it.
func TestRebuiltProgramsRun(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, "")
	e.Packages, e.OptimizePackages, e.Arch, e.Tune = []string{"quanta", "mdsim"}, []string{"fastlin", "minifft", "mdsim"}, "x86-64", "generic"
	e.Override = map[string]map[string]any{"mdsim": {"simd": "SSE3"}}
	_, out := realise(t, n, e)
	script := ". " + out + "/activate; quanta; mdsim"
	res, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: "/bin/bash", Args: []string{"-c", script}})
	if err != nil || string(res.Stdout) != "dot 14\nsimd SSE3, sum 6\n" {
		t.Errorf("%q, %v", res.Stdout, err)
	}
	paths, err := n.Closure(context.Background(), out)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, p := range paths {
		name := filepath.Base(p.Path)[33:]
		count[name]++
	}
	if count["blas-3"] != 1 || count["minifft-single-1.0"] != 1 {
		t.Errorf("copies in the closure: %v", count)
	}
}

// With reach: named a Python package keeps the generic form for all but those named,
// which is two copies, and is told.
func TestNamedIsTwice(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, "")
	e.Packages, e.OptimizePackages, e.Arch, e.Tune, e.Reach = []string{"python3Packages.chemlib"},
		[]string{"python3Packages.numlib", "python3Packages.chemlib"}, "haswell", "haswell", "named"
	generic, optimised := graphs(t, n, e)
	twice := optimised.Twice(generic)
	if diff := cmp.Diff([]nixgraph.Twice{{Name: "python3.1-numlib-1.0", By: []string{"python3.1-scilib-1.0"}}}, twice); diff != "" {
		t.Error(diff)
	}
	// And that is what the build would fail of.
	ex, d := instantiate(t, n, e)
	var be *BuildError
	if _, err := n.Realise(context.Background(), ex, d); !errors.As(err, &be) || !strings.Contains(strings.Join(be.Tail, " "), "two copies of the module numlib") {
		t.Errorf("%v", err)
	}
	e.Reach = ""
	realise(t, n, e)
}

// What is asked again is remembered; a tree of the test's own is no other's.
func TestReachIsRemembered(t *testing.T) {
	n, c := testNix(t)
	e := minipkgs(t, "")
	e.Packages, e.OptimizePackages, e.Arch, e.Tune = []string{"mdsim"}, []string{"minifft"}, "haswell", "haswell"
	first, err := n.Reach(context.Background(), Expression(e))
	if err != nil {
		t.Fatal(err)
	}
	before := c.count()
	again, err := n.Reach(context.Background(), Expression(e))
	if err != nil || c.count() != before || !slices.Equal(first.Rebuilt, again.Rebuilt) || len(again.Names) != 1 || again.Names[0].Reaches[0] != "mdsim" {
		t.Errorf("%+v, %v", again, err)
	}
}
