package nixstore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nix-community/go-nix/pkg/derivation"
	"github.com/nix-community/go-nix/pkg/storepath"
	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/nixstore"
)

// What is a store path, the library of the Nix community says too.
func TestIsPath(t *testing.T) {
	hash := strings.Repeat("0123456789abcdfg", 2)
	good := "/nix/store/" + hash + "-hello-2.12.1"
	for path, want := range map[string]bool{
		good: true, good + ".drv": true, "/nix/store/" + hash + "-a": true, "/nix/store/" + hash + "-": false, "/nix/store/" + hash + "-.a": false,
		good + "/bin": false, "x" + good: false, good + "\n": false, "/nix/store/" + strings.Replace(hash, "a", "e", 1) + "-a": false,
		"/nix/store/" + hash[1:] + "-ab": false, "": false, "/nix/store/": false, good + " ": false, good + "é": false,
	} {
		if nixstore.IsPath(path) != want || storepath.PathRe.MatchString(path) != want {
			t.Errorf("%q: %v, the library says %v", path, !want, storepath.PathRe.MatchString(path))
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		at := rapid.IntRange(0, len(good)).Draw(r, "at")
		path := good[:at] + rapid.StringN(0, 2, -1).Draw(r, "text") + good[at:]
		if nixstore.IsPath(path) != storepath.PathRe.MatchString(path) {
			r.Errorf("%q: %v", path, nixstore.IsPath(path))
		}
	})
}

// texts has what a derivation's strings may have.
const texts = `let out = derivation { name = "odd"; system = "x86_64-linux"; builder = "/bin/sh"; outputs = [ "out" "dev" ]; args = [ "\\" "\n\t\r\"" ]; "q\"\\" = "\\\"\n"; };
  fixed = derivation { name = "fixed"; system = "x86_64-linux"; builder = "/bin/sh"; outputHash = "0000000000000000000000000000000000000000000000000000"; outputHashAlgo = "sha256"; };
in derivation { name = "top"; system = "x86_64-linux"; builder = "/bin/sh"; a = out; b = out.dev; c = fixed; }`

// Derivations that Nix writes are read as the library reads them.
func TestParseDerivation(t *testing.T) {
	cmd := exec.Command("nix-instantiate", "-E", texts)
	cmd.Env = append(os.Environ(), "NIX_PATH=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	todo, seen := []string{strings.TrimSpace(string(out))}, map[string]bool{}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		seen[path] = true
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := nixstore.ParseDerivation(string(text))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		want, err := derivation.ReadDerivation(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Outputs) != len(want.Outputs) || len(got.Inputs) != len(want.InputDerivations) {
			t.Errorf("%s: %+v", path, got)
		}
		for name, o := range want.Outputs {
			if g := got.Outputs[name]; g.Path != o.Path || g.Fixed != (o.HashAlgorithm != "") {
				t.Errorf("%s: output %s is %+v", filepath.Base(path), name, g)
			}
		}
		for drv, names := range want.InputDerivations {
			if strings.Join(got.Inputs[drv], " ") != strings.Join(names, " ") {
				t.Errorf("%s: of %s it uses %v", filepath.Base(path), drv, got.Inputs[drv])
			}
			todo = append(todo, drv)
		}
		for cut := range len(text) {
			if d, err := nixstore.ParseDerivation(string(text[:cut])); err == nil {
				t.Fatalf("%s cut after %d bytes: %+v", filepath.Base(path), cut, d)
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("read %d derivations, not 3", len(seen))
	}
}

// A string may have any byte, escaped or not.
func TestEscapes(t *testing.T) {
	d, err := nixstore.ParseDerivation(`Derive([("a\"\\\n\r\t\$","/p","r:sha256","00")],[],[],"s","b",[],[])`)
	if o := d.Outputs["a\"\\\n\r\t$"]; err != nil || !o.Fixed || o.Path != "/p" {
		t.Errorf("%+v, %v", d, err)
	}
	for _, bad := range []string{"", "DrvWithVersion(\"xp-dyn-drv\",[],[])", `Derive([],[],[],"s","b",[],[])`, `Derive([("o","p","","")],[("x",["out"])],[],"s","b",[],[])`,
		`Derive([("o","p","","")("o","p","","")],[],[],"s","b",[],[])`} {
		if d, err := nixstore.ParseDerivation(bad); err == nil {
			t.Errorf("%q: %+v", bad, d)
		}
	}
}

func TestNameIn(t *testing.T) {
	const own = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12"
	for path, want := range map[string]string{
		own: "hello-2.12", own + "/bin/hello": "hello-2.12", "/mnt" + own + "/lib": "hello-2.12",
		"/nix/store": "", "/nix/store/hello": "", "/usr/lib/libopenblas.so": "", "": "",
	} {
		if got := nixstore.NameIn(path); got != want {
			t.Errorf("%q: %q", path, got)
		}
	}
	got := nixstore.PathsIn("a=" + own + "/bin:" + own + " /nix/store/ /nix/store/x '" + own + "-dev'/nix/store")
	if !slices.Equal(got, []string{own, own, own + "-dev"}) {
		t.Errorf("%q", got)
	}
	if !nixstore.Inside(own) || nixstore.Inside("/nix/store") || nixstore.Inside("/mnt"+own) {
		t.Error("what lies in the store")
	}
}
