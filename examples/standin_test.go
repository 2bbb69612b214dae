package examples_test

import (
	"path/filepath"
	"strings"
	"testing"
)

func standin(t *testing.T, config string) string {
	t.Helper()
	overlay, err := filepath.Abs("qchem-standin/overlay")
	if err != nil {
		t.Fatal(err)
	}
	return set(t, "overlays = [ (import "+overlay+") ]; config = { "+config+" };")
}

// With an arch, what is below the prefix is built for it and takes the other
// optimised packages as inputs; what is outside does not change.
func TestStandinOptimisesBelowThePrefixOnly(t *testing.T) {
	n := newNix(t)
	for arch, tune := range map[string]string{
		"x86-64": "generic", "x86-64-v2": "nehalem", "x86-64-v3": "haswell", "x86-64-v4": "skylake-avx512", "znver3": "znver3",
	} {
		p := standin(t, `qchem-config.optArch = "`+arch+`";`)
		want := "-march=" + arch + " -mtune=" + tune
		if got := n.eval(p + "p.qchem.rhf.NIX_CFLAGS_COMPILE"); got != want {
			t.Errorf("%s: flags %q, want %q", arch, got, want)
		}
		for _, equal := range []string{
			"p.qchem.rhf.buildInputs == [ p.qchem.minilinalg ]",
			"p.qchem.minilinalg.drvPath != p.minilinalg.drvPath",
			"p.qchem.pkgs.rhf.drvPath == p.rhf.drvPath",
		} {
			if n.eval(p+equal) != "true" {
				t.Errorf("%s: not so: %s", arch, equal)
			}
		}
		plain := n.eval(set(t, "") + "p.rhf.drvPath")
		if got := n.eval(p + "p.rhf.drvPath"); got != plain {
			t.Errorf("%s: rhf outside the prefix is %s, without the overlay %s", arch, got, plain)
		}
		// GCC itself accepts the pair.
		probe := n.build(p + "p.qchem.archprobe")
		if got := n.must(probe + "/bin/archprobe"); !strings.HasPrefix(got, "arch-macros:") {
			t.Errorf("%s: archprobe printed %q", arch, got)
		}
	}
}

func TestStandinWithoutAnArch(t *testing.T) {
	n := newNix(t)
	plain := n.eval(set(t, "") + "p.rhf.drvPath")
	for _, config := range []string{"", "qchem-config.optArch = null;", "qchem-config = { };"} {
		if got := n.eval(standin(t, config) + "p.qchem.rhf.drvPath"); got != plain {
			t.Errorf("config %q: qchem.rhf is %s, want the plain %s", config, got, plain)
		}
	}
	if got := n.eval(standin(t, `qchem-config.prefix = "fast";`) + "p.fast.rhf.drvPath"); got != plain {
		t.Errorf("with prefix fast: fast.rhf is %s, want the plain %s", got, plain)
	}
}
