package examples_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The set has to give the same derivations from a checkout and, purely, from a
// tree named source in the store: the way nixbatch evaluates a pin.
func TestPureEvaluation(t *testing.T) {
	n := newNix(t)
	source := filepath.Join(t.TempDir(), "source")
	if err := os.CopyFS(source, os.DirFS("minipkgs")); err != nil {
		t.Fatal(err)
	}
	path := n.must("nix-store", "--add-fixed", "--recursive", "sha256", source)
	hash := n.must("nix-hash", "--type", "sha256", "--base32", path)
	list := "[ p.rhf p.hello p.greedy p.archprobe p.failing p.bash (p.mkShell { packages = [ p.rhf ]; }) ]"
	pure := `let p = import (fetchTarball { name = "source"; url = "file:///nowhere"; sha256 = "` + hash + `"; })
		{ system = "x86_64-linux"; config = { }; overlays = [ ]; }; in ` + list

	got := n.must("nix-instantiate", "--pure-eval", "-E", pure)
	if want := n.must("nix-instantiate", "-E", set(t, "")+list); got != want {
		t.Errorf("pure evaluation:\n%s\nfrom the checkout:\n%s", got, want)
	}
}

func TestInterface(t *testing.T) {
	n := newNix(t)
	changed := `(p.rhf.overrideAttrs (old: { env = (old.env or { }) // { NIX_CFLAGS_COMPILE = "-O1"; }; }))`
	for _, c := range []struct{ args, expression, want string }{
		{"", `builtins.toString (builtins.attrNames p.rhf.override.__functionArgs)`, "minilinalg stdenv"},
		{"", `(` + changed + `.override { minilinalg = p.hello; }).NIX_CFLAGS_COMPILE`, "-O1"},
		{"", `builtins.toString (map (i: i.name) (` + changed + `.override { minilinalg = p.hello; }).buildInputs)`, "hello-1.0"},
		{"", `((p.rhf.override { minilinalg = p.hello; }).overrideAttrs (final: old: { version = "2"; note = final.version; })).note`, "2"},
		{"", `(p.hello.overrideAttrs { pname = "bye"; }).name`, "bye-1.0"},
		{"", `(p.stdenv.mkDerivation (self: { pname = "a"; version = "3"; passthru.seen = self.version; })).seen`, "3"},
		{"", `builtins.toJSON p.config`, `{\"allowUnfree\":false}`},
		{"config = { a.b = 1; };", `builtins.toString p.config.a.b`, "1"},
		{"config = { lib, ... }: { allowUnfree = true; };", `p.nonfree-demo.name + builtins.substring 0 0 p.nonfree-demo.drvPath`, "nonfree-demo-1.0"},
		{"overlays = [ (final: prev: { a = final.b; b = prev.hello.pname; }) (_: prev: { c = prev.b; }) ];", `p.a + p.c`, "hellohello"},
		{"overlays = [ (_: prev: { hello = prev.hello.overrideAttrs { pname = \"bye\"; }; }) ];", `p.pkgs.hello.pname`, "bye"},
		{"", `(p.extend (_: _: { d = "e"; })).d`, "e"},
		{"", `p.stdenv.cc.version + (if p.stdenv.cc.isGNU && p.lib.versionAtLeast p.stdenv.cc.cc.version "12" then " new" else " old")`, "12.2.0 new"},
		{"", `builtins.toJSON (with p.lib.systems.architectures; [ (canExecute "znver4" "skylake-avx512") (canExecute "cascadelake" "cannonlake") (canExecute "znver1" "haswell") ])`, "[false,false,true]"},
		{`localSystem = { system = "x86_64-linux"; gcc.arch = "haswell"; };`, `builtins.toString (p.hello.requiredSystemFeatures ++ [ p.stdenv.hostPlatform.avx2Support ])`, "gccarch-haswell 1"},
		{"", `(p.lib.makeScope p.newScope (self: { x = self.callPackage ({ hello, y }: { z = hello.pname + y; }) { }; y = "!"; })).x.z`, "hello!"},
	} {
		if got := n.eval(set(t, c.args) + c.expression); got != c.want {
			t.Errorf("%s\nwith %s: got %s, want %s", c.expression, c.args, got, c.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	n := newNix(t)
	for _, c := range []struct{ args, expression, want string }{
		{"", "p.nonfree-demo", "package ‘nonfree-demo-1.0’ has an unfree license (‘unfree’), refusing to evaluate"},
		{"", "p.insecure-demo", "package ‘insecure-demo-1.0’ is marked as insecure (a hole for tests), refusing to evaluate"},
		{"", "p.broken-demo", "package ‘broken-demo-1.0’ is marked as broken"},
		{"", "p.unsupported-demo", "package ‘unsupported-demo-1.0’ is not available on x86_64-linux"},
		{"", "p.hello.overrideAttrs { meta.broken = true; }", "is marked as broken"},
		{"", `p.hello.overrideAttrs { meta.platforms = [ "aarch64-linux" ]; }`, "is not available on x86_64-linux"},
		{"", "p.no-such-package", "attribute 'no-such-package' missing"},
		{"", "p.callPackage ({ nothing }: nothing) { }", "no `nothing' in the set"},
		{"", `p.hello.overrideAttrs { env.dontUnpack = "1"; }`, "dontUnpack is both in env and in the derivation's attributes"},
		{"", "p.failing", "failing.c:3:12: error: 'missing_symbol' undeclared"},
	} {
		_, stderr, code := n.command("nix-build", "--no-out-link", "-E", set(t, c.args)+c.expression)
		if code == 0 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d, wanted %q in:\n%s", c.expression, code, c.want, stderr)
		}
	}
}

// nix-shell on a shell's derivation: inputs on PATH, their setup hooks run,
// variables and the hook there, and the shell's options as they were.
func TestNixShell(t *testing.T) {
	n := newNix(t)
	expression := set(t, "") + `p.mkShell {
		packages = [ p.hello ];
		inputsFrom = [ p.rhf (p.mkShell { shellHook = "order=first"; }) ];
		TEXT = "a  'b' \"c\" $HOME\nd";
		shellHook = ''order="$order second"; greet() { hello; }'';
	}`
	drv := n.must("nix-instantiate", "--add-root", filepath.Join(t.TempDir(), "shell"), "-E", expression)
	library := n.build(set(t, "") + "p.minilinalg")
	n.env = append(n.env, "NIX_BUILD_SHELL="+n.build(set(t, "")+"p.bash")+"/bin/bash", "LEAK=1")

	run := `greet; echo "$order"; echo "$MINILINALG_PREFIX"; echo "${LEAK-none}"; printf '%s\n' "$TEXT"
		set -o | grep -E 'errexit|nounset|pipefail' | tr -s ' \t' ' '`
	got := n.must("nix-shell", "--pure", drv, "--run", run)
	want := "hello from minipkgs\nfirst second\n" + library + "\nnone\na  'b' \"c\" $HOME\nd\n" +
		"errexit off\nnounset off\npipefail off"
	if got != want {
		t.Errorf("nix-shell --pure printed\n%s\nwanted\n%s", got, want)
	}
}

// Programs tell what they were compiled for, also one this machine may not be
// able to run optimised code of.
func TestArchprobe(t *testing.T) {
	n := newNix(t)
	for flags, want := range map[string]string{
		"":                                "arch-macros:\nlevel: x86-64",
		"-march=x86-64-v3 -mtune=haswell": "arch-macros: sse3 ssse3 sse4_1 sse4_2 popcnt avx f16c fma bmi2 avx2\nlevel: x86-64-v3",
		"-march=sapphirerapids":           "arch-macros: sse3 ssse3 sse4_1 sse4_2 popcnt aes avx f16c fma bmi2 avx2 avx512f avx512dq avx512_vnni avx512_bf16 avx512_fp16 amx_tile\nlevel: x86-64-v4",
		"-march=znver3 -mtune=znver3 -O3 -ftree-vectorize ": "arch-macros: sse3 ssse3 sse4_1 sse4_2 popcnt aes avx f16c fma bmi2 avx2 sse4a clzero\nlevel: x86-64-v3",
	} {
		probe := n.build(set(t, "") + `p.archprobe.overrideAttrs { env.NIX_CFLAGS_COMPILE = "` + flags + `"; }`)
		if got := n.must(probe + "/bin/archprobe"); got != want {
			t.Errorf("with %q: %s", flags, got)
		}
	}
}

// What is refused can be allowed, each kind by an option of its own.
func TestAllowed(t *testing.T) {
	n := newNix(t)
	for pkg, config := range map[string]string{
		"nonfree-demo": "allowUnfree = true;", "broken-demo": "allowBroken = true;", "unsupported-demo": "allowUnsupportedSystem = true;",
		"insecure-demo": `permittedInsecurePackages = [ "insecure-demo-1.0" ];`,
	} {
		if got := n.eval(set(t, "config = { "+config+" };") + "builtins.substring 0 11 p." + pkg + ".drvPath"); got != "/nix/store/" {
			t.Errorf("%s with %s: %s", pkg, config, got)
		}
	}
}

// Programs link to the variant that they are handed, under whatever name.
func TestVariants(t *testing.T) {
	n := newNix(t)
	if got := n.must(n.build(set(t, "")+"p.quanta") + "/bin/quanta"); got != "dot 14" {
		t.Errorf("quanta: %s", got)
	}
	if got := n.must(n.build(set(t, "")+"p.mdsim") + "/bin/mdsim"); got != "simd SSE2, sum 6" {
		t.Errorf("mdsim: %s", got)
	}
	for expression, want := range map[string]string{
		"builtins.toJSON [ p.blas.provider.blas64 p.blas-ilp64.provider.blas64 ]": "[false,true]",
		"p.minifftSingle.name": "minifft-single-1.0",
		`(p.extend (_: prev: { pythonPackagesExtensions = [ (_: _: { numlib = prev.hello; }) ]; })).python3Packages.numlib.pname`: "hello",
		`(p.python3.override { packageOverrides = _: _: { numlib = p.hello; }; }).pkgs.numlib.pname`:                              "hello",
	} {
		if got := n.eval(set(t, "") + expression); got != want {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
}

func TestGreedy(t *testing.T) {
	n := newNix(t)
	greedy := n.build(set(t, "")+"p.greedy") + "/bin/greedy"
	n.env = append(n.env, "OMP_NUM_THREADS=3")
	if got := field(t, n.must(greedy), `threads (\d+)`); got != "3" {
		t.Errorf("with OMP_NUM_THREADS=3, greedy started %s threads", got)
	}
}

func TestShellcheck(t *testing.T) {
	var scripts []string
	err := filepath.WalkDir("minipkgs", func(path string, entry fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".sh") {
			scripts = append(scripts, path)
		}
		return err
	})
	if err != nil || !slices.Contains(scripts, "minipkgs/stdenv/setup.sh") {
		t.Fatalf("scripts %q: %v", scripts, err)
	}
	if out, err := exec.Command("shellcheck", scripts...).CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
}
