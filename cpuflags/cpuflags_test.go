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
)

// What the core and the kernel tell of this machine may differ only where the
// kernel hides a flag on purpose, and never in one that decides.
func TestHostsWitnessesAgree(t *testing.T) {
	c, err := Host()
	if err != nil {
		t.Fatal(err)
	}
	info, err := parseFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	core := hostCPUID()
	told := toldByCPUID.Without(unprinted)
	if shown := info.Flags.Intersect(told).Without(core); shown.Len() > 0 {
		t.Errorf("the kernel shows what CPUID denies: %s", shown)
	}
	for _, n := range disagree(info.Flags, core) {
		if !Soft().Has(n) {
			t.Errorf("CPUID and cpuinfo disagree on %s", n)
		}
		if c.Flags.Has(n) {
			t.Errorf("the host has %s, on which its witnesses disagree", n)
		}
	}
	if c.Source != SourceBoth || c.Processors < 1 || Level(c.Flags) == "" {
		t.Errorf("host: %+v", c)
	}
	if told.Intersect(info.Flags).Len() < 10 {
		t.Errorf("only %d flags compared", told.Intersect(info.Flags).Len())
	}
}

func TestAgree(t *testing.T) {
	info := NewSet("sse", "avx2", "clwb", "nopl") // clwb: cpuinfo alone can tell
	core := NewSet("sse", "rdseed", "hreset")     // hreset: CPUID alone can tell
	want := NewSet("sse", "clwb", "nopl", "hreset")
	if got := agree(info, core); !got.Equal(want) {
		t.Errorf("agreed on %s, want %s", got, want)
	}
	if got := disagree(info, core); !slices.Equal(got, []string{"avx2", "rdseed"}) {
		t.Errorf("disagreed on %v", got)
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
		{"sapphirerapids zen4", Limits{}, "skylake-avx512"}, // two maxima: the cautious answer
		{"zen4 sapphirerapids", old, "skylake-avx512"},
		{"sapphirerapids zen4", Limits{Known: func(a string) bool { return a != "skylake-avx512" }}, "x86-64-v4"},
		{"haswell zen3", Limits{}, "haswell"},
		{"haswell zen3", Limits{GCC: "4.8"}, "x86-64"},
		{"skylake zen2", Limits{}, "skylake"},
		{"zen1 zen4", Limits{}, "znver1"},
		{"zen4 zen5", old, "x86-64-v4"},
		{"hygon zen1", Limits{}, "znver1"},
		{"nehalem bulldozer", Limits{}, "nehalem"},
		{"zhaoxin ivybridge", Limits{}, "ivybridge"},
		{"kvm64 zen5", Limits{}, "x86-64"},
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
		{Arch: "znver5", Missing: []string{"avx512_vp2intersect", "avx_vnni", "movdir64b", "movdiri"},
			SoftMissing: []string{"mwaitx", "pku", "prefetchi", "wbnoinvd"}, Reason: "missing flags"},
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
		"soft_missing": []any{"mwaitx", "pku", "wbnoinvd"},
		"not": []any{map[string]any{"arch": "znver5", "reason": "missing flags",
			"missing":      []any{"avx512_vp2intersect", "avx_vnni", "movdir64b", "movdiri"},
			"soft_missing": []any{"mwaitx", "pku", "prefetchi", "wbnoinvd"}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	wantText := `cpu      AMD EPYC 9R14
vendor   AuthenticAMD, family 25, model 17
seen in  cpuinfo, 2 processors
level    x86-64-v4
build    znver4
masked   mwaitx pku wbnoinvd (compilers never emit these by themselves)

why not better:
  znver5  lacks avx512_vp2intersect avx_vnni movdir64b movdiri (and, not needed: mwaitx pku prefetchi wbnoinvd)
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
