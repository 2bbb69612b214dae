package cpuflags

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixture reads a saved cpuinfo of testdata.
func fixture(t testing.TB, name string) CPU {
	t.Helper()
	c, err := parseFile(filepath.Join("testdata", "cpuinfo", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var fixtures = []struct {
	name   string
	vendor string
	family int
	model  int
	level  string
	best   string // GCC unlimited
	gcc12  string // GCC 12.2; "" is the same as best
	soft   string // soft flags missing of best
}{
	{"nehalem", "GenuineIntel", 6, 26, "x86-64-v2", "nehalem", "", ""},
	{"westmere", "GenuineIntel", 6, 44, "x86-64-v2", "westmere", "", ""},
	{"silvermont", "GenuineIntel", 6, 77, "x86-64-v2", "silvermont", "", ""},
	{"sandybridge", "GenuineIntel", 6, 45, "x86-64-v2", "sandybridge", "", ""},
	{"ivybridge", "GenuineIntel", 6, 62, "x86-64-v2", "ivybridge", "", ""},
	{"haswell", "GenuineIntel", 6, 63, "x86-64-v3", "haswell", "", ""},
	{"haswell-vm-noavx", "GenuineIntel", 6, 60, "x86-64-v2", "x86-64-v3-no-avx-bmi1-bmi2", "", "xsave"},
	{"broadwell", "GenuineIntel", 6, 79, "x86-64-v3", "broadwell", "", ""},
	{"knightslanding", "GenuineIntel", 6, 87, "x86-64-v3", "x86-64-v4-no-avx512bw-avx512dq-avx512vl", "", ""},
	{"skylake", "GenuineIntel", 6, 94, "x86-64-v3", "skylake", "", ""},
	{"skylake-sp", "GenuineIntel", 6, 85, "x86-64-v4", "skylake-avx512", "", "sgx"},
	{"skylake-sp-noavx512", "GenuineIntel", 6, 85, "x86-64-v3", "skylake", "", "sgx"},
	{"cascadelake", "GenuineIntel", 6, 85, "x86-64-v4", "cascadelake", "", "sgx"},
	{"cooperlake", "GenuineIntel", 6, 85, "x86-64-v4", "cooperlake", "", "sgx"},
	{"icelake-client", "GenuineIntel", 6, 126, "x86-64-v4", "icelake-client", "", ""},
	{"icelake-sp", "GenuineIntel", 6, 106, "x86-64-v4", "icelake-server", "", ""},
	{"tigerlake", "GenuineIntel", 6, 140, "x86-64-v4", "tigerlake", "", "kl sgx"},
	{"rocketlake", "GenuineIntel", 6, 167, "x86-64-v4", "icelake-client", "", "sgx"},
	{"alderlake-hybrid", "GenuineIntel", 6, 151, "x86-64-v3", "alderlake", "", "hreset kl ptwrite sgx"},
	{"sapphirerapids", "GenuineIntel", 6, 143, "x86-64-v4", "sapphirerapids", "", "ptwrite uintr"},
	{"sapphirerapids-vm", "GenuineIntel", 6, 143, "x86-64-v4", "sapphirerapids-no-amx_tile", "", "enqcmd pconfig pku ptwrite sgx tsxldtrk uintr xsaves"},
	{"emeraldrapids", "GenuineIntel", 6, 207, "x86-64-v4", "emeraldrapids", "sapphirerapids", "ptwrite uintr"},
	{"kvm64", "GenuineIntel", 15, 6, "x86-64", "nehalem-no-lahf_lm-popcnt-ssse3", "", ""},

	{"k10", "AuthenticAMD", 16, 9, "x86-64", "btver1-no-ssse3", "", "xsave"},
	{"bobcat", "AuthenticAMD", 20, 1, "x86-64", "btver1", "", "xsave"},
	{"jaguar", "AuthenticAMD", 22, 0, "x86-64-v2", "btver2", "", ""},
	{"bulldozer", "AuthenticAMD", 21, 1, "x86-64-v2", "bdver1", "", ""},
	{"piledriver", "AuthenticAMD", 21, 2, "x86-64-v2", "bdver2", "", ""},
	{"steamroller", "AuthenticAMD", 21, 48, "x86-64-v2", "bdver3", "", ""},
	{"excavator", "AuthenticAMD", 21, 101, "x86-64-v3", "bdver4", "", "lwp"},
	{"zen1", "AuthenticAMD", 23, 1, "x86-64-v3", "znver1", "", ""},
	{"zen2", "AuthenticAMD", 23, 49, "x86-64-v3", "znver2", "", ""},
	{"zen2-erratum1386", "AuthenticAMD", 23, 49, "x86-64-v3", "znver2", "", "xsaves"},
	{"zen3", "AuthenticAMD", 25, 1, "x86-64-v3", "znver3", "", ""},
	{"zen4", "AuthenticAMD", 25, 17, "x86-64-v4", "znver4", "x86-64-v4", ""},
	{"zen4-vm", "AuthenticAMD", 25, 17, "x86-64-v4", "znver4", "x86-64-v4", "mwaitx pku wbnoinvd"},
	{"zen5", "AuthenticAMD", 26, 2, "x86-64-v4", "znver5", "x86-64-v4", "prefetchi"},
	{"zen5-nordseed", "AuthenticAMD", 26, 2, "x86-64-v4", "znver5", "x86-64-v4", "prefetchi rdseed"},
	{"zen5-vm", "AuthenticAMD", 26, 2, "x86-64-v4", "znver5", "x86-64-v4", "movdir64b movdiri mwaitx pku prefetchi rdseed wbnoinvd"},

	{"hygon", "HygonGenuine", 24, 1, "x86-64-v3", "x86-64-v3", "", ""},
	{"zhaoxin", "Shanghai", 7, 59, "x86-64-v2", "x86-64-v3-no-fma", "", ""},

	{"cortex-a72", "ARM", 0, 0, "armv8-a", "cortex-a72", "", ""},
	{"neoverse-n1", "ARM", 0, 0, "armv8-a", "neoverse-n1", "", ""},
	{"graviton3", "ARM", 0, 0, "armv8-a", "neoverse-v1", "", ""},
	{"neoverse-v1-nosve", "ARM", 0, 0, "armv8-a", "armv8-a", "", ""},
	{"grace", "ARM", 0, 0, "armv8-a", "neoverse-v2", "armv8-a", ""},
	{"a64fx", "Fujitsu", 0, 0, "armv8-a", "a64fx", "", ""},
	{"thunderx2", "Cavium", 0, 0, "armv8-a", "thunderx2t99", "", ""},
	{"ampereone", "Ampere", 0, 0, "armv8-a", "ampere1", "", ""},
	{"arm-unknown", "implementer 0x77", 0, 0, "armv8-a", "armv8-a", "", ""},
}

// broken are the fixtures that are no cpuinfo, and what is said of them.
var broken = map[string]string{
	"empty":        "cpuinfo testdata/cpuinfo/empty.txt is empty",
	"garbage":      "is no cpuinfo of an x86-64 or aarch64 Linux",
	"ppc64le":      "is no cpuinfo of an x86-64 or aarch64 Linux",
	"two-machines": `has processors of two vendors, "GenuineIntel" and "AuthenticAMD"`,
}

// cut are the fixtures that end too early, and what is said of them; the
// processor that is whole counts.
var cut = map[string]string{
	"cutoff-flags":  "processor 1 is cut off and left out",
	"cutoff-stanza": "processor 1 is cut off and left out",
	"cutoff-line":   "its last line does not end",
}

func TestCutFixtures(t *testing.T) {
	for name, want := range cut {
		c := fixture(t, name)
		if c.Note != want || c.Flags.Len() < 50 || !strings.Contains(NewReport(c, Limits{}).Text(), want) {
			t.Errorf("%s: note %q, %d flags; want %q", name, c.Note, c.Flags.Len(), want)
		}
	}
}

func TestFixtures(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			c := fixture(t, f.name)
			if c.Vendor != f.vendor || c.Family != f.family || c.Model != f.model {
				t.Errorf("labels: got %q %d %d, want %q %d %d", c.Vendor, c.Family, c.Model, f.vendor, f.family, f.model)
			}
			if got := Level(c.Flags); got != f.level {
				t.Errorf("level %s, want %s", got, f.level)
			}
			any := Best(c, Limits{})
			if any.Arch != f.best || any.Level != f.level {
				t.Errorf("best %s at level %s, want %s at %s", any.Arch, any.Level, f.best, f.level)
			}
			if got := strings.Join(any.SoftMissing, " "); got != f.soft {
				t.Errorf("soft missing %q, want %q", got, f.soft)
			}
			want := f.gcc12
			if want == "" {
				want = f.best
			}
			if got := Best(c, Limits{GCC: "12.2.0"}).Arch; got != want {
				t.Errorf("best with GCC 12.2 %s, want %s", got, want)
			}
			if got := BestCommon([]CPU{c, c}, Limits{}).Arch; got != f.best {
				t.Errorf("best for two of them %s, want %s", got, f.best)
			}
		})
	}
}

func TestBrokenFixtures(t *testing.T) {
	for name, want := range broken {
		_, err := parseFile(filepath.Join("testdata", "cpuinfo", name+".txt"))
		e, ok := err.(*Error)
		if !ok || !strings.Contains(err.Error(), want) || e.Hint() == "" {
			t.Errorf("%s: got %v, want %q and a hint", name, err, want)
		}
	}
}

// A fixture that no table names is a fixture that tests nothing.
func TestEveryFixtureIsUsed(t *testing.T) {
	used := map[string]bool{}
	for _, f := range fixtures {
		used[f.name] = true
	}
	for _, m := range []map[string]string{broken, cut} {
		for n := range m {
			used[n] = true
		}
	}
	files, err := os.ReadDir(filepath.Join("testdata", "cpuinfo"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(f.Name(), ".txt"); !used[name] {
			t.Errorf("%s stands in no table", f.Name())
		}
	}
	if len(files) != len(used) {
		t.Errorf("%d files, %d names in the tables", len(files), len(used))
	}
}
