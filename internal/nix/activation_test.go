package nix

import (
	"bytes"
	"context"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// rich is an overlay with what makes a shell hard to copy: hostile values, a
// hook of a package that sets arrays, functions and exports, and a shellHook.
const rich = `
final: prev: {
  mkShell = args: prev.mkShell (args // {
    HOSTILE = "a'b\"c$(touch /tmp/never)` + "`touch /tmp/never`" + `\\ \n second line\ttab ünïcode \${x} $5";
    DASH = "-n";
    list = [ 1 2 "three four" ];
    nothing = null;
    yes = true;
    shellHook = "export HOOKED=\"on $system\"; false; hooked_function() { echo hooked; }; TMPDIR=/from/the/hook; unset NOT_THERE";
  });
  hooky = final.stdenv.mkDerivation {
    name = "hooky";
    buildCommand = ''
      mkdir -p $out/bin $out/nix-support
      printf '#!/bin/sh\necho hooky\n' > $out/bin/hooky
      chmod +x $out/bin/hooky
      cat > $out/nix-support/setup-hook <<'HOOK'
      shopt -s extglob
      export HOOKY_PATH="$out/lib:with space"
      hooky_array=(one "two words" $'three\nlines')
      declare -A hooky_map=([a]=1 ["b c"]="d'e")
      declare -i hooky_number=7
      hooky_exported() { echo "exported $*"; }
      export -f hooky_exported
      hooky_pattern() { case $1 in @(a|b)) echo ab ;; esac; }
      HOOK
    '';
  };
}
`

// show prints every variable and function of a shell that has been set up, NUL
// between them. Names begin with __test so that they can be left out again.
const show = `
__test_show() {
  local __test_letter __test_name __test_names
  for __test_letter in {A..Z} _ {a..z}; do
    eval "__test_names=(\${!$__test_letter@})"
    for __test_name in "${__test_names[@]}"; do
      printf '%s\0' "$(declare -p "$__test_name")"
    done
  done
  while read -r __test_name; do
    printf '%s\0' "$__test_name"
    printf '%s\0' "$(declare -f "${__test_name##* }")"
  done < <(declare -F)
}
__test_show
`

// shellState turns what show printed into a map, less the documented
// differences.
func shellState(t *testing.T, out []byte) map[string]string {
	t.Helper()
	state := map[string]string{}
	for _, entry := range strings.Split(string(out), "\x00") {
		words := strings.SplitN(entry, " ", 3)
		if len(words) < 3 || words[0] != "declare" {
			if name, _, ok := strings.Cut(entry, " ()"); ok && name != "_nix_shell_clean_tmpdir" {
				state["function "+name] = entry
			}
			continue
		}
		name, _, _ := strings.Cut(words[2], "=")
		left := strings.HasPrefix(name, "__test") || strings.Contains(words[1], "r")
		for _, pattern := range skipped() {
			hit, err := path.Match(pattern, name)
			if err != nil {
				t.Fatal(err)
			}
			left = left || hit
		}
		if !left {
			state[words[1]+" "+name] = entry
		}
	}
	return state
}

// placeholder is builtins.placeholder "out", see Differences.
const placeholder = "/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9"

// structured is a package set of one shell, with structured attributes, which
// the miniature set does not have: they reach a builder as a file.
func structured(t *testing.T) Env {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir+"/default.nix", `{ system, ... }:
	let
	  stdenv = derivation { name = "stdenv"; inherit system; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; text = ''
	    if [ -n "$NIX_ATTRS_SH_FILE" ]; then source "$NIX_ATTRS_SH_FILE"; fi
	    export out=''${outputs[out]}
	    export SHELL=/bin/bash PATH=/usr/bin:/bin NIX_LDFLAGS="-rpath $out/lib"
	    set -eu; set +u
	  ''; args = [ "-c" "mkdir $out; echo \"$text\" > $out/setup" ]; };
	in {
	  mkShell = { name, packages }: derivation {
	    inherit name system packages stdenv; __structuredAttrs = true; builder = "/bin/bash";
	    list = [ "one two" 3 ]; map = { a = "b'c"; "odd key" = 1; }; flag = true; text = "two\nlines";
	  };
	}`)
	return Env{Name: "test", System: "x86_64-linux", Nixpkgs: resolvePath(t, dir)}
}

func TestActivationEqualsNixShell(t *testing.T) {
	ctx := context.Background()
	for name, e := range map[string]Env{
		"plain": minipkgs(t, ""),
		"libraries": func() Env {
			e := minipkgs(t, "")
			e.Packages = []string{"rhf", "archprobe", "chem.minilinalg"}
			return e
		}(),
		"optimised": func() Env {
			e := minipkgs(t, "")
			e.Packages, e.OptimizePackages = []string{"minilinalg", "archprobe"}, []string{"minilinalg", "archprobe"}
			e.Arch, e.Tune = "x86-64-v2", "generic"
			return e
		}(),
		"rich":       func() Env { e := minipkgs(t, rich); e.Packages = []string{"hooky", "hello"}; return e }(),
		"structured": structured(t),
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := testNix(t)
			_, out := realise(t, n, e)
			bash, err := os.Readlink(out + "/bash")
			if err != nil {
				t.Fatal(err)
			}
			if name != "structured" && !strings.HasPrefix(bash, "/nix/store/") {
				t.Errorf("bash is %s, not the pinned one", bash)
			}

			shell, err := n.evaluate(ctx, expression(e, "(made (packageSet job) job).shell"), nil)
			if err != nil {
				t.Fatal(err)
			}
			script := filepath.Join(t.TempDir(), "show.sh")
			writeFile(t, script, show)
			env := append(n.environ(), "NIX_BUILD_SHELL="+bash)
			want, err := proc.System{}.Run(ctx, proc.Cmd{Path: "nix-shell", Env: env,
				Args: []string{"--pure", lastLine(shell), "--run", "source " + script}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := proc.System{}.Run(ctx, proc.Cmd{Path: out + "/bash", Env: []string{"HOME=/h", "PATH=/usr/bin"},
				Args: []string{"--norc", "--noprofile", "-c", "source " + out + "/activate; source " + script}})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Stderr) > 0 {
				t.Errorf("activate said %q", got.Stderr)
			}
			drv, err := nixgraph.ReadDerivation(lastLine(shell))
			if err != nil {
				t.Fatal(err)
			}
			want.Stdout = bytes.ReplaceAll(want.Stdout, []byte(placeholder), []byte(drv.Outputs["out"].Path))
			w, g := shellState(t, want.Stdout), shellState(t, got.Stdout)
			if name != "structured" && len(w) < 40 {
				t.Errorf("nix-shell set only %d variables and functions", len(w))
			}
			if diff := cmp.Diff(w, g); diff != "" {
				t.Errorf("nix-shell (-) and activate (+) differ:\n%s", diff)
			}
		})
	}
	if _, err := os.Lstat("/tmp/never"); err == nil {
		t.Error("a value was run")
	}
}

// What a batch job relies on: its own TMPDIR and shell options survive, the
// packages are found, and a second activation changes nothing.
func TestActivationLeavesTheCallerAlone(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, rich)
	e.Packages = []string{"hooky", "hello"}
	_, out := realise(t, n, e)
	run := func(script string, env ...string) string {
		t.Helper()
		res, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: out + "/bash", Args: []string{"-c", script}, Env: env})
		if err != nil {
			t.Fatalf("%v\n%s", err, res.Stderr)
		}
		return strings.TrimSpace(string(res.Stdout))
	}
	activate := "source " + out + "/activate"
	for _, c := range []struct{ what, script, want string }{
		{"a program of a package", activate + "; hooky", "hooky"},
		{"strict shell", "set -eu; set -o pipefail; " + activate + "; echo $HOOKED; [[ $- == *e*u* ]] && shopt -qo pipefail && echo strict", "on x86_64-linux\nstrict"},
		{"loose shell", activate + "; [[ $- == *e* || $- == *u* ]] || echo loose", "loose"},
		{"nullglob and extglob", "shopt -s nullglob; " + activate + "; shopt -q nullglob && ! shopt -q extglob && echo kept", "kept"},
		{"TMPDIR", "export TMPDIR=/scratch/42; " + activate + "; echo $TMPDIR", "/scratch/42"},
		{"no TMPDIR", activate + "; echo ${TMPDIR-none}", "none"},
		{"XDG_RUNTIME_DIR", "export XDG_RUNTIME_DIR=/run/user/0; " + activate + "; echo ${XDG_RUNTIME_DIR-none}", "none"},
		{"TZ, HOME and LANG", activate + "; echo $TZ $HOME $LANG", "CET /home/x C.UTF-8"},
		{"in a function", "f() { " + activate + "; }; f; echo $HOOKED ${hooky_array[1]} ${hooky_map[b c]}", "on x86_64-linux two words d'e"},
		{"exported functions", activate + "; bash -c 'hooky_exported 1 2'", "exported 1 2"},
		{"twice", activate + "; a=$(declare -p PATH NIX_LDFLAGS 2>&1; declare -F); " + activate + "; b=$(declare -p PATH NIX_LDFLAGS 2>&1; declare -F); [ \"$a\" = \"$b\" ] && echo same", "same"},
		{"own names", activate + "; set | " + "while read -r l; do case $l in __nixbatch*) echo $l;; esac; done", ""},
	} {
		if got := run(c.script, "HOME=/home/x", "TZ=CET", "LANG=C.UTF-8", "PATH=/nowhere"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}

// Whatever the text of activate is, it has to be the same on every build.
func TestActivationIsDeterministic(t *testing.T) {
	n, _ := testNix(t)
	_, d := instantiate(t, n, minipkgs(t, rich))
	ex := Expression(minipkgs(t, rich))
	if _, err := n.Realise(context.Background(), ex, d); err != nil {
		t.Fatal(err)
	}
	res, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: "nix-store", Env: n.environ(),
		Args: []string{"--realise", "--check", d.Drv}})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(res.Stderr, []byte("may not be deterministic")) {
		t.Errorf("%s", res.Stderr)
	}
}

// Every difference gives its reason, and is one: no pattern is malformed.
func TestDifferences(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Differences {
		if d.Reason == "" || len(d.Names) == 0 {
			t.Errorf("difference %v without names or reason", d)
		}
		for _, name := range d.Names {
			if _, err := path.Match(name, "x"); err != nil || seen[name] {
				t.Errorf("pattern %q is malformed or there twice", name)
			}
			seen[name] = true
		}
	}
}
