package nix

import (
	"bytes"
	"context"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nix-community/go-nix/pkg/derivation"

	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/nixlog"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/jobspec"
)

// ways is an overlay with packages that hold their flags in each of the places
// there are, and with variants.
const ways = `
final: prev:
let
  make = name: attrs: final.stdenv.mkDerivation ({ inherit name; buildCommand = "mkdir $out; echo \"$NIX_CFLAGS_COMPILE_BEFORE $NIX_CFLAGS_COMPILE\" > $out/it"; } // attrs);
in
{
  flags-none = final.callPackage ({ }: make "flags-none" { }) { };
  flags-env = final.callPackage ({ }: make "flags-env" { env.NIX_CFLAGS_COMPILE = "-Denv"; }) { };
  flags-top = final.callPackage ({ }: make "flags-top" { NIX_CFLAGS_COMPILE = "-Dtop"; }) { };
  flags-list = final.callPackage ({ }: make "flags-list" { NIX_CFLAGS_COMPILE = [ "-Done" "-Dtwo" ]; }) { };
  flags-beside = final.callPackage ({ }: make "flags-beside" { env.OTHER = "x"; }) { };

  base = final.callPackage ({ }: make "base" { }) { };
  variant = final.callPackage ({ }: make "base-variant" { }) { };
  user = final.callPackage ({ base }: make "user" { buildCommand = "mkdir $out; echo ${base} > $out/it"; }) { };
  other = final.callPackage ({ base }: make "other" { buildCommand = "mkdir $out; echo ${base} > $out/it"; }) { base = final.variant; };
  own = final.callPackage ({ own }: make "own" { buildCommand = "mkdir $out; echo ${own} > $out/it"; }) { own = final.base; };
  top = final.callPackage ({ user, other }: make "top" { buildCommand = "mkdir $out; echo ${user} ${other} > $out/it"; }) { };
  nested.deep.user = final.user;
}
`

func graphs(t *testing.T, n *Nix, e Env) (generic, optimised *nixgraph.Graph) {
	t.Helper()
	plain := e
	plain.Arch = "generic"
	var out []*nixgraph.Graph
	for _, e := range []Env{plain, e} {
		_, d := instantiate(t, n, e)
		g, err := n.Graph(d.Drv)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out[0], out[1]
}

func names(nodes []nixgraph.Node) []string {
	out := []string{}
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return out
}

// With reach: named exactly the packages named are rebuilt, and the environment
// itself: no dependent that is not named, no dependency.
func TestExactlyTheNamedAreRebuilt(t *testing.T) {
	n, _ := testNix(t)
	for _, c := range []struct {
		what               string
		packages, optimize []string
		want               []string
	}{
		{"library alone, with its dependent generic", []string{"user", "base"}, []string{"base"}, []string{"base", "test-env"}},
		{"program and library", []string{"user"}, []string{"user", "base"}, []string{"base", "test-env", "user"}},
		{"program, library generic", []string{"user"}, []string{"user"}, []string{"test-env", "user"}},
		{"variant under the name of a named one", []string{"other"}, []string{"other", "base"}, []string{"other", "test-env"}},
		{"argument with the package's own name", []string{"own"}, []string{"own"}, []string{"own", "test-env"}},
		{"dependent between is not named", []string{"top"}, []string{"top", "base"}, []string{"test-env", "top"}},
		{"attribute path", []string{"nested.deep.user", "user"}, []string{"nested.deep.user", "base"}, []string{"base", "test-env", "user"}},
		{"named but not wanted", []string{"hello"}, []string{"base"}, []string{"test-env"}},
		{"real ones", []string{"rhf"}, []string{"rhf", "minilinalg"}, []string{"minilinalg-1.0", "rhf-1.0", "test-env"}},
	} {
		e := minipkgs(t, ways)
		e.Packages, e.OptimizePackages, e.Arch, e.Tune, e.Reach = c.packages, c.optimize, "haswell", "haswell", jobspec.ReachNamed
		generic, optimised := graphs(t, n, e)
		if diff := cmp.Diff(c.want, names(optimised.Diff(generic))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

// And what Nix then builds is what the graphs said, as is what Cost counted.
func TestCostIsWhatIsBuilt(t *testing.T) {
	n, _ := testNix(t)
	ctx := context.Background()
	e := minipkgs(t, ways+"# "+t.TempDir()) // packages that nobody built before
	e.Packages, e.OptimizePackages, e.Reach = []string{"user", "top"}, []string{"user", "base"}, jobspec.ReachNamed
	e.Overlays[0] = unique(t, e.Overlays[0])
	realise(t, n, e)

	e.Arch, e.Tune = "haswell", "haswell"
	ex, d := instantiate(t, n, e)
	cost, err := n.Cost(ctx, d.Drv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"base", "test-env", "user"}, cost.BuildNames); diff != "" || cost.Build != 3 || cost.Fetch != 0 {
		t.Errorf("%+v\n%s", cost, diff)
	}
	if cost.Present < 3 || cost.FetchDownload != -1 {
		t.Errorf("%+v: top, the stdenv and its tools are there, and no cache told a size", cost)
	}
	var built []string
	n.Progress = func(e nixlog.Event) {
		if e.Kind == "start" && !e.Fetch {
			built = append(built, e.Name)
		}
	}
	if _, err := n.Realise(ctx, ex, d); err != nil {
		t.Fatal(err)
	}
	sort.Strings(built)
	if diff := cmp.Diff(cost.BuildNames, built); diff != "" {
		t.Errorf("counted (-), built (+):\n%s", diff)
	}
	cost, err = n.Cost(ctx, d.Drv)
	if err != nil || cost.Build != 0 || cost.Present != 1 {
		t.Errorf("after the build: %+v, %v", cost, err)
	}
}

// unique makes an overlay whose packages no other test or run has built.
func unique(t *testing.T, o nixsource.OverlaySource) nixsource.OverlaySource {
	t.Helper()
	text, err := os.ReadFile(o.Tree + "/default.nix")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFile(t, dir+"/default.nix", strings.ReplaceAll(string(text), "inherit name;", "inherit name; unique = \""+dir+"\";"))
	return nixsource.OverlaySource{Source: resolvePath(t, dir)}
}

// The flags arrive at the compiler before the package's own, wherever it keeps them.
func TestFlags(t *testing.T) {
	n, _ := testNix(t)
	for pkg, want := range map[string]string{
		"flags-none":   "-march=haswell -mtune=znver2",
		"flags-env":    "-march=haswell -mtune=znver2 -Denv",
		"flags-top":    "-march=haswell -mtune=znver2 -Dtop",
		"flags-list":   "-march=haswell -mtune=znver2 -Done -Dtwo",
		"flags-beside": "-march=haswell -mtune=znver2",
	} {
		e := minipkgs(t, ways)
		e.Packages, e.OptimizePackages, e.Arch, e.Tune = []string{pkg}, []string{pkg}, "haswell", "znver2"
		_, d := instantiate(t, n, e)
		g, err := n.Graph(d.Drv)
		if err != nil {
			t.Fatal(err)
		}
		for drv, node := range g.Nodes {
			if node.Name != pkg {
				continue
			}
			if _, err := (proc.System{}).Run(context.Background(), proc.Cmd{Path: "nix-store", Env: n.environ(), Args: []string{"--realise", drv}}); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(node.Outputs["out"] + "/it")
			if err != nil || !strings.Contains(strings.TrimSpace(string(got)), want) {
				t.Errorf("%s: %q, want %q (%v)", pkg, got, want, err)
			}
		}
	}
}

// The -mno- options come with the name; a compiler that does not know them gets the
// whole name.
func TestOptionsOfABuild(t *testing.T) {
	n, _ := testNix(t)
	for _, c := range []struct{ name, stdenv, flags string }{
		{"own", "final.stdenv", "-march=znver3 -mtune=znver3 -mno-sse4a -mno-vaes"},
		{"clang", "(final.stdenv // { cc = final.stdenv.cc // { isGNU = false; }; })", "-march=x86-64-v3 -mtune=haswell"},
		{"old", "(final.stdenv // { cc = final.stdenv.cc // { version = \"8.5.0\"; }; })", "-march=x86-64-v3 -mtune=haswell"},
	} {
		e := minipkgs(t, `final: prev: { shown = (final.stdenv.mkDerivation {
		  name = "shown"; buildCommand = "echo \"$NIX_CFLAGS_COMPILE_BEFORE|$NIX_CFLAGS_COMPILE\" > $out";
		  passthru.stdenv = `+c.stdenv+`; }); }`)
		e.Packages, e.OptimizePackages = []string{"shown"}, []string{"shown"}
		e.Arch, e.Tune, e.Options, e.Compiler = "znver3", "znver3", []string{"-mno-sse4a", "-mno-vaes"}, "12.2.0"
		e.Whole, e.WholeTune = "x86-64-v3", "haswell"
		_, d := instantiate(t, n, e)
		g, err := n.Graph(d.Drv)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for drv, node := range g.Nodes {
			if node.Name != "shown" {
				continue
			}
			found = true
			text, err := os.ReadFile(drv)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), `("NIX_CFLAGS_COMPILE_BEFORE","`+c.flags+`")`) {
				t.Errorf("%s: %s", c.name, text)
			}
		}
		if !found {
			t.Errorf("%s: not in the graph", c.name)
		}
	}
}

// The option reaches an overlay as nixpkgs' config, and only for an arch.
func TestOptimizeConfig(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, `final: prev: { shown = final.stdenv.mkDerivation {
	  name = "shown-${final.config.qchem-config.optArch or "none"}"; buildCommand = "echo > $out"; }; }`)
	e.Packages, e.OptimizeConfig = []string{"shown"}, "qchem-config.optArch"
	for arch, want := range map[string]string{"znver3": "shown-znver3", "generic": "shown-none", "": "shown-none"} {
		e.Arch = arch
		_, d := instantiate(t, n, e)
		g, err := n.Graph(d.Drv)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, node := range g.Nodes {
			found = found || node.Name == want
		}
		if !found {
			t.Errorf("%q: no %s below the environment", arch, want)
		}
	}
}

// Tests of the optimised packages are off if the machine cannot run them; of
// nothing else.
func TestNoTests(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, `final: prev:
	  let make = name: final.callPackage ({ }: final.stdenv.mkDerivation {
	    inherit name; dontUnpack = true; doCheck = true; doInstallCheck = true; installPhase = "echo > $out"; }) { };
	  in { tested = make "tested"; kept = make "kept"; }`)
	e.Packages, e.OptimizePackages, e.Arch, e.Tune = []string{"tested", "kept"}, []string{"tested"}, "znver4", "znver4"
	for _, off := range []bool{false, true} {
		e.NoTests = off
		_, d := instantiate(t, n, e)
		g, err := n.Graph(d.Drv)
		if err != nil {
			t.Fatal(err)
		}
		for drv, node := range g.Nodes {
			if node.Name != "tested" && node.Name != "kept" {
				continue
			}
			text, err := os.ReadFile(drv)
			if err != nil {
				t.Fatal(err)
			}
			p, err := derivation.ReadDerivation(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			want := "1"
			if off && node.Name == "tested" {
				want = ""
			}
			if p.Env["doCheck"] != want || p.Env["doInstallCheck"] != want {
				t.Errorf("NoTests %v: %s has doCheck %q, doInstallCheck %q", off, node.Name, p.Env["doCheck"], p.Env["doInstallCheck"])
			}
		}
	}
}

// A package set that is told the arch by an option, and takes one of its own without
// it, as NixOS-QChem does: generic is generic where it is known how to turn that off,
// and what is compiled for an arch is found where it is not. Tests off are off in all
// that is compiled for the arch.
func TestOwnArch(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, `final: prev:
	  let
	    settings = prev.config.own or { };
	    arch = settings.arch or (if settings.avx or true then "haswell" else null);
	    make = name: inputs: (final.stdenv.mkDerivation { inherit name inputs; doCheck = true; buildCommand = "echo > $out"; }).overrideAttrs (
	      if arch == null then { } else { NIX_CFLAGS_COMPILE = "-O2 -march=${arch} -mtune=${arch}"; });
	  in { own = { lib = make "own-lib" [ ]; program = make "own-program" [ final.own.lib final.hello ]; }; }`)
	e.Packages, e.OptimizeConfig = []string{"own.program"}, "own.arch"
	for _, c := range []struct {
		arch, off string
		noTests   bool
		march     map[string]int
		tested    int
	}{
		{"generic", "", false, map[string]int{"haswell": 2}, 2},
		{"generic", "own.avx", false, map[string]int{}, 0},
		{"znver3", "own.avx", false, map[string]int{"znver3": 2}, 2},
		{"znver3", "own.avx", true, map[string]int{"znver3": 2}, 0},
	} {
		e.Arch, e.ConfigOff, e.ConfigOffValue, e.NoTests = c.arch, c.off, false, c.noTests
		r, err := n.Reach(context.Background(), Expression(e))
		if err != nil || cmp.Diff(c.march, r.March) != "" || len(r.Tested) != c.tested {
			t.Errorf("%+v: %v, %v, %v", c, r.March, r.Tested, err)
		}
	}
	// What the job file sets is left alone.
	e.Arch, e.ConfigOff, e.Config = "generic", "own.avx", map[string]any{"own": map[string]any{"arch": "znver2"}}
	if r, err := n.Reach(context.Background(), Expression(e)); err != nil || r.March["znver2"] != 2 {
		t.Errorf("%v, %v", r.March, err)
	}
}

// Setting the arch for everything rebuilds more: what the plan compares with.
func TestEverywhere(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, "")
	e.Packages, e.OptimizePackages, e.Arch, e.Tune, e.Everywhere = []string{"rhf", "hello"}, []string{"rhf"}, "haswell", "haswell", true
	generic, everywhere := graphs(t, n, e)
	e.Everywhere = false
	_, named := graphs(t, n, e)
	all, few := everywhere.Diff(generic), named.Diff(generic)
	if len(all) <= len(few) || len(few) != 2 {
		t.Errorf("everywhere: %v; named: %v", names(all), names(few))
	}
}
