package cpuflags

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseBuild(t *testing.T) {
	for text, want := range map[string]string{
		"znver4":                              "znver4",
		"generic":                             "generic",
		"znver4-no-sse4a":                     "znver4 without sse4a",
		"skylake-avx512-no-avx512bw-avx512vl": "skylake-avx512 without avx512bw avx512vl",
		"skylake-avx512-no-avx512f-avx512vl":  "skylake-avx512 without avx512f", // the rest of AVX-512 goes with it
		"skylake-avx512-no-avx512vl-avx512bw": "skylake-avx512 without avx512bw avx512vl",
		"sapphirerapids-no-amx_tile":          "sapphirerapids without amx_tile",
		"znver4-no-":                          "",
		"znver4-no":                           "",
		"znver4-no-sse2":                      "", // every x86-64 has it
		"znver4-no-avx_vnni":                  "", // it has none
		"znver4-no-pku":                       "", // soft: never used in any case
		"haswell-no-osxsave":                  "",
		"neoverse-v1-no-sve":                  "",
		"pentium":                             "",
		"":                                    "",
		"../znver4":                           "",
		"znver4-no-sse4a/../../x":             "",
		"generic-no-sse4a":                    "",
	} {
		b, ok := ParseBuild(text)
		if ok != (want != "") || (ok && b.Words() != want) {
			t.Errorf("%q: %q %v, want %q", text, b.Words(), ok, want)
		}
	}
}

// The text says it all: what is chosen for a CPU reads back as the same set, in
// one way only, and every CPU that has the set can run it.
func TestTextsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFlags(t, "f")
		a, _ := LookupArch(rapid.SampledFrom(allArchNames).Draw(t, "arch"))
		v, ok := a.on(usable(f))
		if !ok {
			return
		}
		text := v.text()
		b, ok := ParseBuild(text)
		if !ok || b.String() != text || !b.Flags().Equal(v.hard) {
			t.Fatalf("%s of %s reads back as %+v with %s", text, v.hard, b, b.Flags())
		}
		if !CanRun(f, text) || !CanRun(v.hard, text) {
			t.Fatalf("%s cannot run where it was made for: %s", text, f)
		}
		if strings.ContainsAny(text, "/ \x00") || len(text) > 200 {
			t.Fatalf("%q as a file's name", text)
		}
		for _, n := range b.Without { // each one is needed in the text
			if CanRun(f, v.arch.Name) || f.Has(n) && usable(f).Has(n) {
				t.Fatalf("%s leaves out %s, which is there", text, n)
			}
		}
	})
}

func TestLessIsMoreThanTheBestWholeName(t *testing.T) {
	for _, c := range []struct{ cpu, less, want, tune string }{
		{"zen5", "sse4a", "znver5-no-sse4a", "znver5"},
		{"zen5", "sse4a lzcnt", "znver5-no-lzcnt-sse4a", "znver5"},
		{"zen4", "avx512f", "znver3", "znver3"}, // the rest of Zen 4 is nothing that compilers emit
		{"zen4", "pku mwaitx", "znver4", "znver4"},
		{"haswell", "fma", "haswell-no-fma", "haswell"},
		{"haswell", "hypervisor", "haswell", "haswell"},
		{"skylake-sp", "avx512bw", "skylake-avx512-no-avx512bw", "skylake-avx512"},
	} {
		cpu := fixture(t, c.cpu)
		cpu.Flags = cpu.Flags.Without(NewSet(fields(c.less)...))
		if got := Best(cpu, Limits{}); got.Arch != c.want || got.Tune != c.tune {
			t.Errorf("%s less %s: %s tuned for %s, want %s for %s", c.cpu, c.less, got.Arch, got.Tune, c.want, c.tune)
		}
	}
}

// A compiler that cannot be told to leave a flag out gets whole names.
func TestOptionsThatACompilerDoesNotKnow(t *testing.T) {
	cpu := fixture(t, "zen5")
	cpu.Flags = cpu.Flags.Without(NewSet("sse4a"))
	if got := Best(cpu, Limits{Whole: true}).Arch; got != "x86-64-v4" {
		t.Errorf("whole names only: %s", got)
	}
	l := Limits{GCC: "11.1"}
	if got := l.Refuses("tigerlake-no-avx512_vp2intersect"); got != "" {
		t.Errorf("GCC 11: %s", got)
	}
	if got := (Limits{GCC: "12", Whole: true}).Refuses("tigerlake-no-avx512_vp2intersect"); got == "" {
		t.Error("whole names only, and less is allowed")
	}
	b, _ := ParseBuild("sapphirerapids")
	for gcc, want := range map[string]string{"": "", "11.3": "-mno-avx512vp2intersect", "12.2": "-mno-uintr"} {
		if got := strings.Join(b.Options(gcc), " "); !strings.Contains(got, want) || strings.Contains(got, "prefetchi") || (gcc == "") != (got == "") {
			t.Errorf("options for GCC %q: %s", gcc, got)
		}
	}
	if b, _ := ParseBuild("haswell"); strings.Contains(strings.Join(b.Options("12.2"), " "), "-mno-xsave ") {
		t.Errorf("avx cannot be without xsave: %v", b.Options("12.2"))
	}
}

func TestTune(t *testing.T) {
	old := Limits{GCC: "12.2"}
	for _, c := range []struct {
		build, cpus string
		l           Limits
		want        string
	}{
		{"x86-64-v4", "zen5", old, "znver3"},
		{"x86-64-v4", "zen5 zen4", old, "znver3"},
		{"x86-64-v4", "zen5 icelake-sp", old, "skylake-avx512"},
		{"x86-64-v3", "hygon", old, "haswell"},
		{"haswell", "zen3", old, "znver3"},
		{"znver4-no-sse4a", "zen4", Limits{}, "znver4"},
		{"neoverse-n1", "neoverse-n1", Limits{}, "neoverse-n1"},
		{"haswell", "", Limits{}, "haswell"},
		{"generic", "zen4", Limits{}, ""},
	} {
		var cpus []CPU
		for _, n := range fields(c.cpus) {
			cpus = append(cpus, fixture(t, n))
		}
		if got := Tune(c.build, cpus, c.l); got != c.want {
			t.Errorf("%s on %s: tuned for %q, want %q", c.build, c.cpus, got, c.want)
		}
	}
}
