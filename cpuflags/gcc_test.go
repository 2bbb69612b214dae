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

// gccErrs are the flags that some GCC includes in a name although the CPUs of
// that name do not have them; the table follows the CPUs.
var gccErrs = map[string]Set{
	// GCC before 12.3: removed there, Sapphire Rapids has no VP2INTERSECT.
	"sapphirerapids": NewSet("avx512_vp2intersect"),
	// Alder Lake's cpuinfo and CPUID have no CLDEMOTE; the instruction is a
	// no-operation where it is missing.
	"alderlake": NewSet("cldemote"),
}

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
func gccMacros(t testing.TB, arch string) map[string]bool {
	t.Helper()
	out, err := gcc(t, "-march="+arch, "-dM")
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
			if req == def || (def && gccErrs[a.Name].Has(flag)) {
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

// What -march=native finds on this machine, Best must not exceed: every flag
// the chosen name lets the compiler use is one that GCC sees here too.
func TestBestOfThisMachineAgreesWithNative(t *testing.T) {
	c, err := Host()
	if err != nil {
		t.Fatal(err)
	}
	_, version := gccKnows(t)
	best := Best(c, Limits{GCC: version})
	a, ok := LookupArch(best.Arch)
	if !ok {
		t.Fatalf("no arch for this machine: %+v", best)
	}
	native := gccMacros(t, "native")
	for _, flag := range a.hard.Sorted() {
		if m := macros[flag]; m != "" && !native[m] {
			t.Errorf("%s needs %s, which gcc -march=native does not see", a.Name, flag)
		}
	}
}
