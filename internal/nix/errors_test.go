package nix

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/nixlog"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// make evaluates and builds, and returns the *Error it has to end with.
func makeFails(t *testing.T, n *Nix, e Env) *Error {
	t.Helper()
	ctx := context.Background()
	ex := Expression(e)
	d, err := n.Instantiate(ctx, ex)
	if err == nil {
		_, err = n.Realise(ctx, ex, d)
	}
	var e2 *Error
	if !errors.As(err, &e2) {
		t.Fatalf("error %v is no *Error", err)
	}
	if strings.Contains(e2.Error(), "\n") || strings.Contains(e2.Error(), "\x1b") {
		t.Errorf("message is not one plain line: %q", e2.Error())
	}
	return e2
}

func TestMissingPackages(t *testing.T) {
	n, _ := testNix(t)
	for _, c := range []struct {
		pkg     string
		suggest []string
		not     bool
	}{
		{"helo", []string{"hello"}, false},
		{"chem.minilinlag", []string{"chem.minilinalg"}, false},
		{"Hello", []string{"hello"}, false},
		{"zzzzzzzzzzzz", nil, false},
		{"a\"b${x}", nil, false},
		{"chem", nil, true},
		{"callPackage", nil, true},
		{"hello.nothing.there", nil, false},
	} {
		for _, optimised := range []bool{false, true} {
			e := minipkgs(t, "")
			e.Packages = []string{c.pkg}
			if optimised {
				e.OptimizePackages, e.Arch = e.Packages, "haswell"
			}
			err := makeFails(t, n, e)
			var mp *MissingPackage
			if !errors.As(err, &mp) || mp.NotPackage != c.not {
				t.Errorf("%s: %v", c.pkg, err)
				continue
			}
			if diff := cmp.Diff(c.suggest, mp.Suggestions); diff != "" && c.suggest != nil {
				t.Errorf("%s: suggestions (-want +got):\n%s", c.pkg, diff)
			}
			if c.suggest != nil && !strings.Contains(err.Hint(), c.suggest[0]) {
				t.Errorf("%s: hint %q", c.pkg, err.Hint())
			}
		}
	}
}

func TestEvaluationErrors(t *testing.T) {
	n, _ := testNix(t)
	for what, c := range map[string]struct{ overlay, pkg, decisive string }{
		"unfree":  {"", "nonfree-demo", "refusing to evaluate"},
		"throw":   {`final: prev: { x = throw "the reason"; }`, "x", "error: the reason"},
		"pure":    {`final: prev: { x = throw "home=${builtins.getEnv "HOME"}."; }`, "x", "error: home=."},
		"syntax":  {"final: prev: {", "hello", "error: syntax error"},
		"type":    {`final: prev: { x = 1 + "a"; }`, "x", "error: "},
		"loop":    {`final: prev: { x = final.x; }`, "x", "infinite recursion"},
		"impure":  {`final: prev: { x = import <nixpkgs> { }; }`, "x", "nixpkgs"},
		"outside": {`final: prev: { x = import /etc/passwd; }`, "x", "forbidden"},
	} {
		e := minipkgs(t, c.overlay)
		e.Packages = []string{c.pkg}
		err := makeFails(t, n, e)
		if err.Phase != "evaluate" || !strings.Contains(err.Decisive, c.decisive) {
			t.Errorf("%s: phase %s, decisive %q, want %q", what, err.Phase, err.Decisive, c.decisive)
		}
		if data, rerr := os.ReadFile(err.LogFile); rerr != nil || !strings.Contains(string(data), "error:") {
			t.Errorf("%s: log %q: %v", what, err.LogFile, rerr)
		}
	}
}

func TestBuildErrors(t *testing.T) {
	n, _ := testNix(t)
	const c = `final: prev: {
	  compile = final.stdenv.mkDerivation { name = "compile-1.0"; buildCommand = ''
	    echo first
	    printf 'int main() { return x; }\n' > a.c
	    gcc a.c
	  ''; };
	  below = final.stdenv.mkDerivation { name = "below"; buildCommand = "mkdir $out"; dep = final.compile; };
	  full = final.stdenv.mkDerivation { name = "full"; buildCommand = "echo x > /dev/full"; };
	  silent = final.stdenv.mkDerivation { name = "silent"; buildCommand = "exit 3"; };
	  wrong = derivation { name = "wrong"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo x > $out" ];
	    outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; };
	}`
	for _, x := range []struct{ pkg, name, decisive, message string }{
		{"compile", "compile-1.0", "error: ‘x’ undeclared", "build of compile-1.0 failed"},
		{"below", "compile-1.0", "error: ‘x’ undeclared", "build of compile-1.0 failed"},
		{"silent", "silent", "", "build of silent failed"},
		{"full", "", "No space left on device", "no space left"},
		{"wrong", "", "", "hash of"},
		{"failing", "failing", "", "build of failing"},
	} {
		e := minipkgs(t, c)
		e.Packages = []string{x.pkg}
		err := makeFails(t, n, e)
		var be *BuildError
		if errors.As(err, &be) != (x.name != "") || (be != nil && !strings.HasPrefix(be.Name(), x.name)) {
			t.Errorf("%s: %+v", x.pkg, err)
		}
		plain := strings.NewReplacer("'", "", "‘", "", "’", "").Replace
		if !strings.Contains(plain(err.Error()), plain(x.decisive)) || !strings.Contains(err.Message, x.message) {
			t.Errorf("%s: %q, decisive %q", x.pkg, err.Error(), err.Decisive)
		}
		if data, rerr := os.ReadFile(err.LogFile); rerr != nil || len(data) == 0 {
			t.Errorf("%s: log %q: %v", x.pkg, err.LogFile, rerr)
		}
		if err.Hint() == "" {
			t.Errorf("%s: no hint", x.pkg)
		}
		if _, ok := n.Ready(Expression(e)); ok {
			t.Errorf("%s: a failed build is ready", x.pkg)
		}
	}
}

func TestNoNix(t *testing.T) {
	ctx := context.Background()
	n, _ := testNix(t)
	n.Programs = Programs{Instantiate: "/nowhere/nix-instantiate", Store: "/nowhere/nix-store"}
	e := minipkgs(t, "")
	_, info := n.Info(ctx, e)
	_, inst := n.Instantiate(ctx, Expression(e))
	_, version := n.Version(ctx)
	_, closure := n.Closure(ctx, "/nix/store/x")
	for what, err := range map[string]error{"info": info, "instantiate": inst, "version": version, "closure": closure} {
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), "no Nix on this machine") || e.Hint() == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The pin's own words about the Nix it needs are read before it is evaluated:
// evaluating this one would fail otherwise.
func TestNixTooOld(t *testing.T) {
	n, c := testNix(t)
	dir := pinnedPkgs(t)
	writeFile(t, dir+"/lib/minver.nix", "\"2.18\"\n")
	writeFile(t, dir+"/default.nix", "throw \"evaluated\"\n")
	s := resolvePath(t, dir)
	_, err := n.Info(context.Background(), Env{System: "x86_64-linux", Nixpkgs: s})
	var old *TooOld
	var e *Error
	if !errors.As(err, &old) || old.Want != "2.18" || !strings.HasPrefix(old.Have, "2.") || !errors.As(err, &e) || e.Hint() == "" {
		t.Fatalf("%v", err)
	}
	for _, word := range []string{old.Have, "2.18"} {
		if !strings.Contains(e.Error(), word) {
			t.Errorf("message %q does not name %s", e.Error(), word)
		}
	}
	if c.count() == 0 {
		t.Error("Nix was not asked")
	}
}

// A build that is interrupted ends soon, as an interruption, and leaves no root.
func TestInterrupted(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, `final: prev: { slow = final.stdenv.mkDerivation { name = "slow"; unique = "`+t.TempDir()+`";
	  buildCommand = "echo begun; sleep 3600"; }; }`)
	e.Packages = []string{"slow"}
	ctx, cancel := context.WithCancel(context.Background())
	n.Progress = func(e nixlog.Event) {
		if e.Kind == "log" && e.Text == "begun" {
			cancel()
		}
	}
	ex, d := instantiate(t, n, e)
	_, err := n.Realise(ctx, ex, d)
	var e2 *Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e2) || !strings.Contains(e2.Error(), "interrupted") {
		t.Fatalf("%v", err)
	}
	if _, ok := n.Ready(ex); ok {
		t.Error("an interrupted build is ready")
	}
	if _, err := n.Instantiate(ctx, Expression(minipkgs(t, ""))); !errors.Is(err, context.Canceled) {
		t.Errorf("evaluating after an interruption: %v", err)
	}
}

// Words of other versions of Nix, and of caches that fail.
func TestExplain(t *testing.T) {
	ctx := context.Background()
	failed := &proc.Error{Line: "nix-store", ExitCode: 1, Err: errors.New("exit status 1")}
	for _, c := range []struct{ phase, stderr, message, decisive string }{
		{"build", "error: Cannot build '/nix/store/00000000000000000000000000000000-rhf-1.0.drv'.\n       Reason: builder failed with exit code 2.\n", "build of rhf-1.0 failed", "Cannot build"},
		{"build", "error: writing to file: No space left on device\n", "no space left on the disk", "No space"},
		{"evaluate", "error: executing SQLite statement: database or disk is full\n", "no space left on the disk", "disk is full"},
		{"evaluate", "error:\n       … while calling the 'import' builtin\n\n       error: attribute 'x' missing\n", "evaluating the environment failed", "error: attribute 'x' missing"},
		{"evaluate", "error: NAR hash mismatch in input 'https://x/y.tar.gz', expected 'sha256-a', got 'sha256-b'\n", "evaluating the environment failed", "sha256-b"},
		{"evaluate", "error: hash mismatch in file downloaded from 'https://x/y':\n         specified: sha256:0000000000000000000000000000000000000000000000000000\n         got:       sha256:0000000000000000000000000000000000000000000000000001\n", "hash of https://x/y is not the one given", ""},
		{"query", "error: path '/nix/store/x' is not valid\n", "asking Nix failed", "is not valid"},
		{"query", "", "asking Nix failed", "nix-store: exit code 1"},
	} {
		e := explain(ctx, c.phase, c.stderr, nil, failed)
		if !strings.Contains(e.Message, c.message) || !strings.Contains(e.Decisive, c.decisive) {
			t.Errorf("%s\n  message %q, decisive %q", c.stderr, e.Message, e.Decisive)
		}
	}
}

// What was remembered under a damaged or a stale file is asked again.
func TestMemory(t *testing.T) {
	n, c := testNix(t)
	e := minipkgs(t, "")
	ex, d := instantiate(t, n, e)
	before := c.count()
	if _, again := instantiate(t, n, e); again != d || c.count() != before {
		t.Error("the same text was evaluated again")
	}
	for _, text := range []string{"", "{", `{"drv":"/nix/store/00000000000000000000000000000000-gone.drv"}`} {
		writeFile(t, filepath.Join(n.Dir, "eval", ex.Hash+".json"), text)
		before := c.count()
		if _, again := instantiate(t, n, e); again != d || c.count() == before {
			t.Errorf("memory %q was believed", text)
		}
	}
	info, err := n.Info(context.Background(), e)
	if err != nil || info.GCC == "" || info.MinNix == "" || len(info.Arches) < 20 || info.NixVersion == "" {
		t.Errorf("%+v, %v", info, err)
	}
	before = c.count()
	e.Arch, e.Packages = "haswell", nil
	if again, err := n.Info(context.Background(), e); err != nil || cmp.Diff(info, again) != "" || c.count() != before {
		t.Errorf("what a pin says about itself was asked again: %v", err)
	}
	if err := os.RemoveAll(n.Dir); err != nil {
		t.Fatal(err)
	}
	writeFile(t, n.Dir, "not a directory")
	var e2 *Error
	if _, err := n.Instantiate(context.Background(), ex); !errors.As(err, &e2) || !strings.Contains(e2.Hint(), n.Dir) {
		t.Errorf("a memory that cannot be written: %v", err)
	}
}
