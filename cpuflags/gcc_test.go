package cpuflags

import (
	"bufio"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// macros are the flags that GCC tells by a macro. Those of the table that it
// has none for: cmov, cx8 and fpu, which every x86-64 has, osxsave, which is
// the kernel's, and hle only since GCC 12, where no name includes it.
var macros = map[string]string{
	"adx": "ADX", "aes": "AES", "amx_bf16": "AMX_BF16", "amx_int8": "AMX_INT8", "amx_tile": "AMX_TILE",
	"avx": "AVX", "avx2": "AVX2", "avx_vnni": "AVXVNNI", "avx512f": "AVX512F", "avx512bw": "AVX512BW",
	"avx512cd": "AVX512CD", "avx512dq": "AVX512DQ", "avx512vl": "AVX512VL", "avx512ifma": "AVX512IFMA",
	"avx512vbmi": "AVX512VBMI", "avx512_vbmi2": "AVX512VBMI2", "avx512_vnni": "AVX512VNNI",
	"avx512_bitalg": "AVX512BITALG", "avx512_vpopcntdq": "AVX512VPOPCNTDQ", "avx512_bf16": "AVX512BF16",
	"avx512_fp16": "AVX512FP16", "avx512_vp2intersect": "AVX512VP2INTERSECT", "bmi1": "BMI", "bmi2": "BMI2",
	"cldemote": "CLDEMOTE", "clflushopt": "CLFLUSHOPT", "clwb": "CLWB", "clzero": "CLZERO",
	"cx16": "GCC_HAVE_SYNC_COMPARE_AND_SWAP_16", "enqcmd": "ENQCMD", "f16c": "F16C", "fma": "FMA", "fma4": "FMA4",
	"fsgsbase": "FSGSBASE", "fxsr": "FXSR", "gfni": "GFNI", "hle": "HLE", "hreset": "HRESET", "kl": "KL",
	"lahf_lm": "LAHF_SAHF", "lwp": "LWP", "lzcnt": "LZCNT", "mmx": "MMX", "movbe": "MOVBE", "movdir64b": "MOVDIR64B",
	"movdiri": "MOVDIRI", "mwaitx": "MWAITX", "pclmulqdq": "PCLMUL", "pconfig": "PCONFIG", "pku": "PKU",
	"popcnt": "POPCNT", "prefetchi": "PREFETCHI", "prefetchw": "PRFCHW", "ptwrite": "PTWRITE", "rdpid": "RDPID",
	"rdrand": "RDRND", "rdseed": "RDSEED", "serialize": "SERIALIZE", "sgx": "SGX", "sha": "SHA", "sse": "SSE",
	"sse2": "SSE2", "sse3": "SSE3", "sse4_1": "SSE4_1", "sse4_2": "SSE4_2", "sse4a": "SSE4A", "ssse3": "SSSE3",
	"tbm": "TBM", "tsxldtrk": "TSXLDTRK", "uintr": "UINTR", "vaes": "VAES", "vpclmulqdq": "VPCLMULQDQ",
	"waitpkg": "WAITPKG", "wbnoinvd": "WBNOINVD", "xop": "XOP", "xsave": "XSAVE", "xsavec": "XSAVEC",
	"xsaveopt": "XSAVEOPT", "xsaves": "XSAVES",
}

var noMacro = NewSet("cmov", "cx8", "fpu", "osxsave")

// gcc runs the host's compiler on nothing; what it prints, and its failure.
func gcc(t testing.TB, args ...string) (string, *proc.Error) {
	t.Helper()
	res, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: "gcc", Args: append(args, "-E", "-x", "c", "-")})
	var pe *proc.Error
	if err != nil && (!errors.As(err, &pe) || pe.ExitCode < 0) {
		t.Fatalf("the tests need gcc: %v", err)
	}
	return string(res.Stdout), pe
}

// gccMacros are the macros that GCC defines for an arch.
func gccMacros(t testing.TB, arch string, more ...string) map[string]bool {
	t.Helper()
	out, err := gcc(t, append([]string{"-march=" + arch, "-dM"}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]bool{}
	sc := bufio.NewScanner(strings.NewReader(out))
	for sc.Scan() {
		if f := strings.Fields(sc.Text()); len(f) > 1 {
			m[strings.Trim(f[1], "_")] = true
		}
	}
	return m
}

// gccKnows are the names that the host's GCC lists as valid for -march, and its
// version.
func gccKnows(t testing.TB) (map[string]bool, string) {
	t.Helper()
	_, perr := gcc(t, "-march=no-such-cpu")
	if perr == nil {
		t.Fatal("gcc accepts -march=no-such-cpu")
	}
	m := regexp.MustCompile(`valid arguments to .-march=. switch are: (.*)`).FindSubmatch(perr.Stderr)
	if m == nil {
		m = regexp.MustCompile(`valid arguments to \S*-march=\S* switch are: (.*)`).FindSubmatch(perr.Stderr)
	}
	if m == nil {
		t.Fatalf("gcc does not list its names: %s", perr.Stderr)
	}
	known := map[string]bool{}
	for _, n := range strings.Fields(strings.Split(string(m[1]), ";")[0]) {
		known[n] = true
	}
	res, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: "gcc", Args: []string{"-dumpfullversion"}})
	if err != nil {
		t.Fatal(err)
	}
	return known, strings.TrimSpace(string(res.Stdout))
}

func x86Arches() []Arch {
	var out []Arch
	for _, a := range Arches() {
		if a.Machine == X86 {
			out = append(out, a)
		}
	}
	return out
}

// Every flag that has a macro: required if and only if defined.
func TestTableAgreesWithGCC(t *testing.T) {
	known, _ := gccKnows(t)
	compared := 0
	for _, a := range x86Arches() {
		if !known[a.Name] {
			continue
		}
		compared++
		defined := gccMacros(t, a.Name)
		for flag, macro := range macros {
			req, def := a.Requires.Has(flag), defined[macro]
			if req == def || (def && a.gccAdds.Has(flag)) {
				continue
			}
			t.Errorf("%s: the table requires %s: %v, gcc defines __%s__: %v", a.Name, flag, req, macro, def)
		}
	}
	if compared < 20 {
		t.Errorf("only %d names compared", compared)
	}
}

func TestEveryFlagHasAMacroOrIsExcused(t *testing.T) {
	for _, a := range x86Arches() {
		for _, flag := range a.Requires.Sorted() {
			if macros[flag] == "" && !noMacro.Has(flag) {
				t.Errorf("%s requires %s, which the comparison with gcc leaves out", a.Name, flag)
			}
		}
	}
}

// The host's compiler knows a name if and only if it is new enough for it.
func TestMinGCC(t *testing.T) {
	known, version := gccKnows(t)
	for _, a := range x86Arches() {
		if enough := compareVersions(version, a.MinGCC) >= 0; enough != known[a.Name] {
			t.Errorf("%s: min GCC %s, but GCC %s knows it: %v", a.Name, a.MinGCC, version, known[a.Name])
		}
	}
}

func TestTuneIsAcceptedByGCC(t *testing.T) {
	known, _ := gccKnows(t)
	for _, a := range x86Arches() {
		if !known[a.Name] {
			continue
		}
		if _, err := gcc(t, "-march="+a.Name, "-mtune="+a.Tune); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
	}
	// Why the levels need another name: the day GCC accepts it, this says so.
	if _, err := gcc(t, "-mtune=x86-64-v3"); err == nil {
		t.Error("gcc accepts -mtune=x86-64-v3")
	}
}

// definedBy is the flags that the host's GCC uses for a build.
func definedBy(t testing.TB, build, version string) Set {
	t.Helper()
	b, ok := ParseBuild(build)
	if !ok {
		t.Fatalf("%q is no build", build)
	}
	return told(gccMacros(t, b.Base, b.Options(version)...))
}

// told is the flags that macros tell.
func told(defined map[string]bool) Set {
	var names []string
	for flag, macro := range macros {
		if defined[macro] {
			names = append(names, flag)
		}
	}
	return NewSet(names...)
}

// compared is the flags that GCC tells by a macro.
func compared() Set {
	var names []string
	for flag := range macros {
		names = append(names, flag)
	}
	return NewSet(names...)
}

// unreached are the flags with which some saved CPU could be faster, and that
// its build has not: no one name has all that the CPU has.
var unreached = map[string]string{}

// checkBuild holds a build against what its CPU has: nothing more; and nothing
// less, of what compilers emit, but what no name has that could be taken.
func checkBuild(t *testing.T, name string, c CPU, l Limits, version string) {
	t.Helper()
	best := Best(c, l).Arch
	used := definedBy(t, best, version)
	if more := used.Without(c.Flags); more.Len() > 0 {
		t.Errorf("%s: gcc uses %s for %s, and the CPU has not", name, more, best)
	}
	b, _ := ParseBuild(best)
	if less := b.Flags().Intersect(compared()).Without(used); less.Len() > 0 {
		t.Errorf("%s: %s asks for %s, and gcc does not use that", name, best, less)
	}
	level := levelOf(b)
	var reach Set
	for i := range archs {
		a := &archs[i]
		if a.Machine != X86 || !(a.Vendor == "" || own(c)(a)) {
			continue
		}
		if v, ok := a.on(usable(c.Flags)); ok && v.level >= level && l.refuses(v) == "" {
			reach = reach.Union(v.hard)
		}
	}
	less := reach.Intersect(emitted).Intersect(compared()).Without(used)
	if less.String() != unreached[name] {
		t.Errorf("%s: %s is without %q, documented is %q", name, best, less, unreached[name])
	}
}

func levelOf(b Build) int {
	v, _ := resolve(b.String())
	return v.level
}

// Every saved CPU, with the host's compiler.
func TestBuildsFitTheirCPUs(t *testing.T) {
	_, version := gccKnows(t)
	checked := 0
	for _, f := range fixtures {
		c := fixture(t, f.name)
		if c.Arch != X86 {
			continue
		}
		checked++
		checkBuild(t, f.name, c, Limits{GCC: version}, version)
		if text := Best(c, Limits{GCC: version, Whole: true}).Arch; strings.Contains(text, without) {
			t.Errorf("%s: %s, where only whole names will do", f.name, text)
		}
	}
	if checked < 30 {
		t.Errorf("only %d CPUs", checked)
	}
}

// This machine: nothing that GCC's own look at it does not find, and of what is
// emitted nothing less than the names allow.
func TestBuildOfThisMachineAgreesWithNative(t *testing.T) {
	c, err := Host()
	if err != nil {
		t.Fatal(err)
	}
	_, version := gccKnows(t)
	l := Limits{GCC: version}
	checkBuild(t, "this machine", c, l, version)
	best := Best(c, l)
	native := told(gccMacros(t, "native"))
	if more := definedBy(t, best.Arch, version).Without(native); more.Len() > 0 {
		t.Errorf("gcc uses %s for %s, and -march=native does not", more, best.Arch)
	}
	if less := native.Without(c.Flags).Without(Soft()); less.Len() > 0 {
		t.Errorf("-march=native finds %s here, which nobody else does", less)
	}
}

// What GCC takes away with a flag is what the table takes away: a build made by
// leaving out any flag of any name has exactly the flags that it says.
func TestLeavingOutAgreesWithGCC(t *testing.T) {
	known, version := gccKnows(t)
	for _, a := range []string{"sapphirerapids", "znver3", "bdver4", "tigerlake", "btver1", "x86-64-v4"} {
		arch, _ := LookupArch(a)
		if !known[a] {
			t.Fatalf("gcc %s does not know %s", version, a)
		}
		for _, o := range omissions() {
			if o.option == "" || !o.self.SubsetOf(arch.hard) {
				continue
			}
			b := Build{a, []string{o.flag}}
			used := definedBy(t, b.String(), version)
			if d := used.Without(b.Flags()).Without(Soft()); d.Len() > 0 {
				t.Errorf("%s: gcc still uses %s", b, d)
			}
			if d := b.Flags().Intersect(compared()).Without(used); d.Len() > 0 {
				t.Errorf("%s: gcc takes %s away too", b, d)
			}
		}
	}
}
