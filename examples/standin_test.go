package examples_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	plain := n.eval(set(t, "") + "p.rhf.drvPath")
	for arch, tune := range map[string]string{
		"x86-64": "generic", "x86-64-v2": "nehalem", "x86-64-v3": "haswell", "x86-64-v4": "skylake-avx512", "znver3": "znver3",
	} {
		p := standin(t, `qchem-config.optArch = "`+arch+`";`)
		got := map[string]any{}
		n.evalJSON(p+`{
			flags = p.qchem.rhf.NIX_CFLAGS_COMPILE;
			"rhf is linked with the optimised library" = p.qchem.rhf.buildInputs == [ p.qchem.minilinalg ];
			"the library is another" = p.qchem.minilinalg.drvPath != p.minilinalg.drvPath;
			"below the prefix the plain set is there" = p.qchem.pkgs.rhf.drvPath == p.rhf.drvPath;
			outside = p.rhf.drvPath;
		}`, &got)
		want := map[string]any{"flags": "-march=" + arch + " -mtune=" + tune, "outside": plain, "rhf is linked with the optimised library": true,
			"the library is another": true, "below the prefix the plain set is there": true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", arch, diff)
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
