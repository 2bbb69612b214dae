package tuning

import (
	"testing"

	"github.com/nixbatch/nixbatch/cpuflags"
)

// Every row is whole: it has a source, and flags and names that there are.
func TestTable(t *testing.T) {
	all := cpuflags.NewSet()
	for _, a := range cpuflags.Arches() {
		all = all.Union(a.Requires)
	}
	k := known()
	if len(k.Arguments) < 10 || len(k.Brings) < 5 || len(k.Alike) < 2 || len(k.Aliases) < 1 {
		t.Fatalf("%d, %d, %d, %d rows", len(k.Arguments), len(k.Brings), len(k.Alike), len(k.Aliases))
	}
	for _, a := range k.Arguments {
		if a.Argument == "" || a.Source == "" || len(a.Values) == 0 {
			t.Errorf("%+v", a)
		}
		for _, v := range a.Values {
			for _, f := range v.Flags {
				if !all.Has(f) {
					t.Errorf("%s: no CPU has the flag %s", a.Argument, f)
				}
			}
			for _, n := range v.Names {
				if _, ok := cpuflags.LookupArch(n); !ok {
					t.Errorf("%s: there is no %s", a.Argument, n)
				}
			}
		}
	}
	for _, b := range k.Brings {
		if b.Words == "" || b.Source == "" || len(b.Pnames) == 0 {
			t.Errorf("%+v", b)
		}
	}
	for _, g := range k.Alike {
		if g.What == "" || g.Source == "" || len(g.Members) < 2 {
			t.Errorf("%+v", g)
		}
	}
	for _, a := range k.Aliases {
		if a.Attribute == "" || a.Source == "" || len(a.Of) == 0 {
			t.Errorf("%+v", a)
		}
	}
}

func TestArguments(t *testing.T) {
	for build, want := range map[string]any{
		"haswell": "AVX2_256", "x86-64-v3": "AVX2_256", "skylake-avx512": "AVX_512", "znver1": "AVX2_128", "znver2": "AVX2_128", "znver3": "AVX2_256",
		"znver4": "AVX_512", "znver4-no-avx512f": "AVX2_256", "bdver2": "AVX_128_FMA", "sandybridge": "AVX_256", "nehalem": "SSE4.1", "x86-64": "SSE2",
		"btver1": "SSE2", "generic": nil, "nonsense": nil,
	} {
		if got := Arguments(build)["gromacs"]["cpuAcceleration"]; got != want {
			t.Errorf("%s: %v, want %v", build, got, want)
		}
	}
	if a := Arguments("znver4"); a["openblas"]["enableAVX512"] != true || a[""]["avx2Support"] != true || a[""]["fma4Support"] != nil || a["libint"]["enableFMA"] != true {
		t.Errorf("%v", a)
	}
	if a := Arguments("haswell"); a["openblas"] != nil || a[""]["avx512Support"] != nil {
		t.Errorf("%v", a)
	}
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"openblas-0.3.28": "openblas", "python3.12-numpy-1.26.4": "python3.12-numpy", "fftw-double-3.3.10": "fftw-double", "site.cfg": "site.cfg",
		"auto-patchelf-0-unstable": "auto-patchelf", "x-": "x-", "": "",
	} {
		if got := Pname(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if Brings("openblas-0.3.28") == "" || Brings("hello-2") != "" {
		t.Error("what is known of OpenBLAS, and only that")
	}
	if got := Instead("openblas-0.3.28", []string{"hello-2", "mkl-2023.1"}); got != "its BLAS is mkl-2023.1: name mkl" {
		t.Errorf("%q", got)
	}
	if got := Instead("mkl-2023.1", []string{"liblapack-3.12", "openblas-0.3.28"}); got != "its BLAS is openblas-0.3.28: name openblas" {
		t.Errorf("%q", got)
	}
	if got := Instead("hello-2", []string{"mkl-2023.1"}); got != "" {
		t.Errorf("%q", got)
	}
	if got := Aliases([]string{"python3Packages.numpy", "openblas"}); len(got) != 1 || got["python3Packages.numpy"][0] != "python3Packages.numpy_1" {
		t.Errorf("%v", got)
	}
}
