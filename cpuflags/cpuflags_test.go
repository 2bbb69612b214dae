package cpuflags

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Who decides: CPUID where it can, the kernel where it has a say, and both where
// the processors differ.
func TestSettle(t *testing.T) {
	info := NewSet("sse", "avx2", "clwb", "nopl", "amx_tile")
	core := NewSet("sse", "lzcnt", "sse4a", "rdseed", "hreset", "amx_int8")
	for _, c := range []struct {
		alike   bool
		flags   string
		differ  string // the flags, + taken
		because string
	}{
		{true, "clwb hreset lzcnt nopl sse sse4a", "amx_int8 amx_tile avx2 lzcnt+ rdseed sse4a+", "CPUID decides"},
		{false, "clwb hreset nopl sse", "amx_int8 amx_tile avx2 lzcnt rdseed sse4a", "CPUID is of one core"},
	} {
		flags, differ := settle(info, core, c.alike)
		if flags.String() != c.flags {
			t.Errorf("%s: settled on %s, want %s", c.because, flags, c.flags)
		}
		var got []string
		for _, d := range differ {
			if d.CPUID == d.CPUInfo || d.CPUID != core.Has(d.Flag) || d.CPUInfo != info.Has(d.Flag) {
				t.Errorf("%s: no disagreement: %+v", c.because, d)
			}
			if d.Taken {
				d.Flag += "+"
			}
			got = append(got, d.Flag)
		}
		if s := strings.Join(got, " "); s != c.differ {
			t.Errorf("%s: differ in %s, want %s", c.because, s, c.differ)
		}
	}
}

func TestSettleTakesNoFlagThatNobodySaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		info, core, alike := anyFlags(t, "cpuinfo").Without(unprinted), anyFlags(t, "cpuid").Intersect(toldByCPUID), rapid.Bool().Draw(t, "alike")
		flags, differ := settle(info, core, alike)
		if !flags.SubsetOf(info.Union(core)) || !info.Intersect(core).SubsetOf(flags) {
			t.Fatalf("%s of %s and %s", flags, info, core)
		}
		if told := flags.Intersect(toldByCPUID); !told.SubsetOf(core) {
			t.Fatalf("%s is taken, and CPUID denies it", told.Without(core))
		}
		for _, d := range differ {
			if kernelSays.Has(d.Flag) && d.Taken {
				t.Fatalf("%s is the kernel's to give", d.Flag)
			}
		}
	})
}

// This machine, by the rule: whatever its kernel hides.
func TestHostFollowsTheRule(t *testing.T) {
	c, err := Host()
	if err != nil {
		t.Fatal(err)
	}
	info, alike, err := parseFileAlike("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	core := hostCPUID()
	flags, differ := settle(info.Flags, core, alike)
	if !c.Flags.Equal(flags) || !slices.Equal(c.Disagreements, differ) {
		t.Errorf("host has %s, its witnesses say %s", c.Flags, flags)
	}
	if c.Source != SourceBoth || c.Processors < 1 || Level(c.Flags) == "" {
		t.Errorf("host: %+v", c)
	}
	if n := core.Intersect(info.Flags).Len(); n < 10 {
		t.Errorf("CPUID and cpuinfo agree on %d flags only", n)
	}
}

func TestNormalise(t *testing.T) {
	for text, want := range map[string]string{
		"abm pni sha_ni 3dnowprefetch": "lzcnt prefetchw sha sse3",
		"avx":                          "avx osxsave",
		"ssse3":                        "sse3 ssse3",
		"lahf_lm cx16 nopl":            "cx16 lahf_lm nopl",
	} {
		if got := Normalise(strings.Fields(text)).String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestBestCommon(t *testing.T) {
	old := Limits{GCC: "12.2"}
	for _, c := range []struct {
		cpus string
		l    Limits
		want string
	}{
		{"haswell skylake-sp", Limits{}, "haswell"},
		{"skylake-sp icelake-sp", Limits{}, "skylake-avx512"},
		{"cooperlake icelake-sp", Limits{}, "cascadelake"},
		{"sapphirerapids emeraldrapids", Limits{}, "sapphirerapids"},
		{"emeraldrapids emeraldrapids", Limits{}, "emeraldrapids"},
		{"sapphirerapids zen4", Limits{}, "icelake-server"},
		{"sapphirerapids zen5", Limits{}, "sapphirerapids-no-amx_tile-avx512_fp16"},
		{"zen4 sapphirerapids", old, "icelake-server"},
		{"sapphirerapids zen4", Limits{Whole: true}, "icelake-server"},
		{"haswell zen3", Limits{}, "haswell"},
		{"haswell zen3", Limits{GCC: "4.8"}, "btver2-no-prefetchw-sse4a"},
		{"skylake zen2", Limits{}, "skylake"},
		{"zen1 zen4", Limits{}, "znver1"},
		{"zen4 zen5", old, "x86-64-v4"},
		{"hygon zen1", Limits{}, "znver1"},
		{"nehalem bulldozer", Limits{}, "nehalem"},
		{"zhaoxin ivybridge", Limits{}, "ivybridge"},
		{"kvm64 zen5", Limits{}, "nehalem-no-lahf_lm-popcnt-ssse3"},
		{"kvm64 zen5", Limits{Whole: true}, "x86-64"},
		{"neoverse-n1 graviton3", Limits{}, "neoverse-n1"},
		{"a64fx graviton3", Limits{}, "a64fx"},
		{"thunderx2 neoverse-n1 a64fx", Limits{}, "armv8-a"},
		{"neoverse-n1 zen4", Limits{}, ""},
		{"", Limits{}, ""},
	} {
		var cpus []CPU
		for _, n := range strings.Fields(c.cpus) {
			cpus = append(cpus, fixture(t, n))
		}
		if got := BestCommon(cpus, c.l).Arch; got != c.want {
			t.Errorf("%s with GCC %q: %q, want %q", c.cpus, c.l.GCC, got, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	zen4 := fixture(t, "zen4")
	for _, c := range []struct {
		l    Limits
		want string
	}{
		{Limits{GCC: "10.2"}, "znver2"}, // no level has a name there
		{Limits{GCC: "8"}, "znver1"},
		{Limits{GCC: "12.3.0"}, "znver4"},
		{Limits{GCC: "unknown"}, "znver4"},
		{Limits{Known: func(a string) bool { return strings.HasPrefix(a, "x86-64") }}, "x86-64-v4"},
		{Limits{Known: func(string) bool { return false }}, Generic},
	} {
		if got := Best(zen4, c.l).Arch; got != c.want {
			t.Errorf("%q: %s, want %s", c.l.GCC, got, c.want)
		}
	}
	if got := Best(CPU{Arch: X86}, Limits{}); got.Arch != "" || got.Level != "" || got.Not == nil || got.SoftMissing == nil {
		t.Errorf("a CPU without flags: %+v", got)
	}
}

func TestWhyNot(t *testing.T) {
	got := Best(fixture(t, "zen4-vm"), Limits{GCC: "12.2", Known: func(a string) bool { return a != "znver5" }}).Not
	want := []WhyNot{
		{Arch: "znver4", Missing: []string{}, SoftMissing: []string{"mwaitx", "pku", "wbnoinvd"}, Reason: "needs GCC 12.3"},
		{Arch: "znver5", Missing: []string{"avx512_vp2intersect", "avx_vnni"},
			SoftMissing: []string{"movdir64b", "movdiri", "mwaitx", "pku", "prefetchi", "wbnoinvd"}, Reason: "missing flags"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	pin := Best(fixture(t, "zen5"), Limits{Known: func(a string) bool { return a != "znver5" }})
	if pin.Arch != "znver4" || len(pin.Not) != 1 || pin.Not[0].Reason != ReasonUnknown {
		t.Errorf("znver5 unknown to the pin: %+v", pin)
	}
	var names []string
	for _, n := range Best(fixture(t, "icelake-sp"), Limits{}).Not {
		names = append(names, n.Arch)
	}
	if s := strings.Join(names, " "); s != "tigerlake emeraldrapids sapphirerapids" {
		t.Errorf("better than icelake-server: %s", s)
	}
}

func TestRank(t *testing.T) {
	in := []string{"no-such", "generic", "x86-64-v3", "neoverse-n1", "znver3", "haswell", "x86-64-v4", "sapphirerapids", "znver4", "nehalem", "x86-64-v2"}
	want := "sapphirerapids znver4 x86-64-v4 znver3 haswell x86-64-v3 nehalem x86-64-v2 neoverse-n1 generic no-such"
	if got := strings.Join(Rank(in), " "); got != want {
		t.Errorf("rank: %s", got)
	}
	back := slices.Clone(in)
	slices.Reverse(back)
	if strings.Join(Rank(back), " ") != want {
		t.Error("the rank depends on the order given")
	}
	// Who requires more of the same level comes first.
	names := Rank(ArchNames())
	for i, n := range names {
		a, _ := LookupArch(n)
		for _, m := range names[:i] {
			if b, _ := LookupArch(m); a.Machine == b.Machine && b.hard.SubsetOf(a.hard) && !a.hard.SubsetOf(b.hard) {
				t.Errorf("%s before %s, which requires more", m, n)
			}
		}
	}
}

func TestLookups(t *testing.T) {
	if a, ok := LookupArch("x86-64-v4"); !ok || a.Tune != "skylake-avx512" || a.Vendor != "" || a.Level != "x86-64-v4" {
		t.Errorf("x86-64-v4: %+v", a)
	}
	if _, ok := LookupArch("generic"); ok {
		t.Error("generic is no -march name")
	}
	if CanRun(NewSet("fpu"), "pentium") || !CanRun(Set{}, Generic) {
		t.Error("canRun of a name outside the table")
	}
	if h, s := Missing(Set{}, "pentium"); h == nil || s == nil || len(h)+len(s) > 0 {
		t.Error("missing of a name outside the table")
	}
	// The hand-written graphs of other tools get these two wrong.
	if CanRun(fixture(t, "cascadelake").Flags, "cannonlake") {
		t.Error("cascadelake has no IFMA")
	}
	if !CanRun(fixture(t, "zen4").Flags, "skylake-avx512") || !CanRun(fixture(t, "zen3").Flags, "haswell") {
		t.Error("the vendor does not matter to canRun")
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join("testdata", "cpuinfo", "haswell.txt"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "node01")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ env, node, override, wrong string }{
		{"", "node01", "", ""},
		{file, "whatever", file, ""},
		{dir, "node01", file, ""},
		{dir, "node02", filepath.Join(dir, "node02"), "no file for node node02"},
		{dir, "", dir, "no node's name is known"},
		{dir, "../node01", dir, `cannot have a file for node "../node01"`},
		{filepath.Join(dir, "gone"), "node01", filepath.Join(dir, "gone"), "gone cannot be read: no such file"},
	} {
		t.Setenv(EnvCPUInfo, c.env)
		cpu, override, err := Load(c.node)
		if override != c.override {
			t.Errorf("%+v: override %q", c, override)
		}
		if c.wrong == "" {
			if err != nil || (c.override != "" && cpu.Model != 63) {
				t.Errorf("%+v: %+v %v", c, cpu, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.wrong) || e.Hint() == "" {
			t.Errorf("%+v: %v", c, err)
		}
	}
	t.Setenv(EnvCPUInfo, dir)
	if _, _, err := Load("node02"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join(dir, "node02")) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestReport(t *testing.T) {
	r := NewReport(fixture(t, "zen4-vm"), Limits{})
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "flags")
	want := map[string]any{"schema": "nixbatch/cpu/v1", "architecture": "x86_64", "vendor": "AuthenticAMD", "family": 25.0, "model": 17.0,
		"stepping": 1.0, "name": "AMD EPYC 9R14", "processors": 2.0, "source": "cpuinfo", "level": "x86-64-v4", "arch": "znver4",
		"compile": []any{"-march=znver4", "-mtune=znver4", "-mno-fsgsbase", "-mno-fxsr", "-mno-mwaitx", "-mno-pku", "-mno-rdpid",
			"-mno-rdseed", "-mno-wbnoinvd", "-mno-xsaves"},
		"soft_missing": []any{"mwaitx", "pku", "wbnoinvd"},
		"not": []any{map[string]any{"arch": "znver5", "reason": "missing flags",
			"missing":      []any{"avx512_vp2intersect", "avx_vnni"},
			"soft_missing": []any{"movdir64b", "movdiri", "mwaitx", "pku", "prefetchi", "wbnoinvd"}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	wantText := `cpu      AMD EPYC 9R14
vendor   AuthenticAMD, family 25, model 17
seen in  cpuinfo, 2 processors
level    x86-64-v4
build    znver4
compile  -march=znver4 -mtune=znver4 -mno-fsgsbase -mno-fxsr -mno-mwaitx -mno-pku -mno-rdpid -mno-rdseed -mno-wbnoinvd -mno-xsaves
masked   mwaitx pku wbnoinvd (compilers never emit these by themselves)

why not better:
  znver5  lacks avx512_vp2intersect avx_vnni (and, not needed: movdir64b movdiri mwaitx pku prefetchi wbnoinvd)
`
	if d := cmp.Diff(wantText, r.Text()); d != "" {
		t.Error(d)
	}
	best := NewReport(fixture(t, "graviton3"), Limits{})
	if s := best.Text(); !strings.Contains(s, "no better build") || !strings.Contains(s, "ARM (aarch64)") {
		t.Errorf("text: %s", s)
	}
	if data, err := json.Marshal(best); err != nil || !strings.Contains(string(data), `"not":[]`) || !strings.Contains(string(data), `"soft_missing":[]`) {
		t.Errorf("empty lists: %s %v", data, err)
	}
}
