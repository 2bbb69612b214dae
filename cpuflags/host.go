package cpuflags

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/klauspost/cpuid/v2"
)

// Host reads this machine, all of its processors. CPUID is what the core has,
// with the state that the kernel switched on (XCR0) already looked at; it is what
// the C library and compilers go by. /proc/cpuinfo is a list that kernels edit:
// virtual machines hide flags there that the core has. So CPUID decides, but for
//
//   - what the library cannot tell of it: there cpuinfo decides;
//   - what a program can use only if the kernel lets it, or that a kernel hides
//     because the hardware fails (kernelSays): there both have to say so;
//   - processors that are not alike (hybrid ones): CPUID is that of the core
//     this runs on, so both have to say so of every flag.
//
// Where the two differ is in Disagreements. On aarch64 the kernel alone is asked,
// since it is where the core's registers are read in any case.
func Host() (CPU, error) {
	c, alike, err := parseFileAlike("/proc/cpuinfo")
	if err != nil {
		return CPU{}, err
	}
	machine, ok := map[string]string{"amd64": X86, "arm64": AArch64}[runtime.GOARCH]
	if !ok || c.Arch != machine {
		return CPU{}, fmt.Errorf("cpuinfo /proc/cpuinfo tells of %s, but this program was built for %s", c.Arch, runtime.GOARCH)
	}
	if c.Arch == X86 {
		c.Flags, c.Disagreements = settle(c.Flags, hostCPUID(), alike)
		c.Source = SourceBoth
	}
	return c, nil
}

// kernelSaysNames are the flags that CPUID alone does not settle: amx_tile and what
// stands on it need a permission that the kernel gives, fsgsbase, pku, enqcmd,
// kl, sgx and uintr a control register or a device that it sets up; xsaves is
// for the kernel itself; of rdrand, rdseed and hle a kernel hides what is known
// to fail (AMD-SB-7055 for rdseed on Zen 5).
const kernelSaysNames = "amx_bf16 amx_int8 amx_tile enqcmd fsgsbase hle pku rdrand rdseed sgx uintr xsaves"

// settle joins what cpuinfo shows and what CPUID has; see Host.
func settle(info, core Set, alike bool) (Set, []Disagreement) {
	told := toldByCPUID.Without(unprinted)
	free := told.Without(kernelSays)
	if !alike {
		free = Set{}
	}
	flags := info.Without(told).Union(info.Intersect(core).Intersect(told)).Union(core.Intersect(free)).Union(core.Intersect(unprinted))
	a, b := info.Intersect(told), core.Intersect(told)
	var differ []Disagreement
	for _, n := range a.Without(b).Union(b.Without(a)).Sorted() {
		differ = append(differ, Disagreement{Flag: n, CPUID: core.Has(n), CPUInfo: info.Has(n), Taken: flags.Has(n)})
	}
	return flags, differ
}

// cpuidNames are the flags that CPUID, through klauspost/cpuid, can tell. Left
// out, as it has no constant for them or never sets it: fsgsbase clflushopt
// clwb rdpid prefetchw pku mwaitx lwp uintr ptwrite tbm; and prefetchi, which
// it reads where only Intel has it.
var cpuidNames = []cpuidName{
	{"adx", cpuid.ADX}, {"aes", cpuid.AESNI}, {"amx_bf16", cpuid.AMXBF16}, {"amx_int8", cpuid.AMXINT8}, {"amx_tile", cpuid.AMXTILE},
	{"avx", cpuid.AVX}, {"avx2", cpuid.AVX2}, {"avx_vnni", cpuid.AVXVNNI},
	{"avx512f", cpuid.AVX512F}, {"avx512bw", cpuid.AVX512BW}, {"avx512cd", cpuid.AVX512CD}, {"avx512dq", cpuid.AVX512DQ},
	{"avx512vl", cpuid.AVX512VL}, {"avx512ifma", cpuid.AVX512IFMA}, {"avx512vbmi", cpuid.AVX512VBMI},
	{"avx512_vbmi2", cpuid.AVX512VBMI2}, {"avx512_vnni", cpuid.AVX512VNNI}, {"avx512_bitalg", cpuid.AVX512BITALG},
	{"avx512_vpopcntdq", cpuid.AVX512VPOPCNTDQ}, {"avx512_bf16", cpuid.AVX512BF16}, {"avx512_fp16", cpuid.AVX512FP16},
	{"avx512_vp2intersect", cpuid.AVX512VP2INTERSECT},
	{"bmi1", cpuid.BMI1}, {"bmi2", cpuid.BMI2}, {"cldemote", cpuid.CLDEMOTE}, {"clzero", cpuid.CLZERO}, {"cmov", cpuid.CMOV},
	{"cx16", cpuid.CX16}, {"cx8", cpuid.CMPXCHG8}, {"enqcmd", cpuid.ENQCMD}, {"f16c", cpuid.F16C}, {"fma", cpuid.FMA3},
	{"fma4", cpuid.FMA4}, {"fpu", cpuid.X87}, {"fxsr", cpuid.FXSR}, {"gfni", cpuid.GFNI}, {"hle", cpuid.HLE}, {"hreset", cpuid.HRESET},
	{"kl", cpuid.KEYLOCKER}, {"lahf_lm", cpuid.LAHF}, {"lzcnt", cpuid.LZCNT}, {"mmx", cpuid.MMX}, {"movbe", cpuid.MOVBE},
	{"movdir64b", cpuid.MOVDIR64B}, {"movdiri", cpuid.MOVDIRI}, {"osxsave", cpuid.OSXSAVE}, {"pclmulqdq", cpuid.CLMUL},
	{"pconfig", cpuid.PCONFIG}, {"popcnt", cpuid.POPCNT}, {"rdrand", cpuid.RDRAND}, {"rdseed", cpuid.RDSEED},
	{"serialize", cpuid.SERIALIZE}, {"sgx", cpuid.SGX}, {"sha", cpuid.SHA}, {"sse", cpuid.SSE}, {"sse2", cpuid.SSE2},
	{"sse3", cpuid.SSE3}, {"sse4_1", cpuid.SSE4}, {"sse4_2", cpuid.SSE42}, {"sse4a", cpuid.SSE4A}, {"ssse3", cpuid.SSSE3},
	{"tsxldtrk", cpuid.TSXLDTRK}, {"vaes", cpuid.VAES}, {"vpclmulqdq", cpuid.VPCLMULQDQ}, {"waitpkg", cpuid.WAITPKG},
	{"wbnoinvd", cpuid.WBNOINVD}, {"xop", cpuid.XOP}, {"xsave", cpuid.XSAVE}, {"xsavec", cpuid.XSAVEC},
	{"xsaveopt", cpuid.XSAVEOPT}, {"xsaves", cpuid.XSAVES},
}

// cpuidName is a flag and what the library calls it.
type cpuidName struct {
	name string
	id   cpuid.FeatureID
}

// unprintedNames are flags that no kernel's cpuinfo has: CPUID alone can tell.
const unprintedNames = "hreset kl"

// hostCPUID are the flags of the core this runs on, of those that CPUID tells.
func hostCPUID() Set {
	names := make([]string, 0, len(cpuidNames))
	for _, n := range cpuidNames {
		if cpuid.CPU.Supports(n.id) {
			names = append(names, n.name)
		}
	}
	return NewSet(names...)
}

// parseFile reads one file; errors name it.
func parseFile(path string) (CPU, error) {
	c, _, err := parseFileAlike(path)
	return c, err
}

// parseFileAlike says also whether all processors are alike.
func parseFileAlike(path string) (_ CPU, alike bool, _ error) {
	// Looked at before it is opened: opening a pipe would wait for its writer.
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return CPU{}, false, &Error{Path: path, What: "cannot be read", Err: errors.New("it is not a regular file"), Way: openHint(path)}
	}
	f, err := os.Open(path)
	if err != nil {
		return CPU{}, false, &Error{Path: path, What: "cannot be read", Err: unwrapPath(err), Way: openHint(path)}
	}
	defer f.Close()
	c, alike, err := parseCPUInfo(f)
	if err != nil {
		if e, ok := err.(*Error); ok {
			e.Path = path
			return CPU{}, false, e
		}
		return CPU{}, false, &Error{Path: path, What: "cannot be read", Err: unwrapPath(err), Way: openHint(path)}
	}
	return c, alike, nil
}
