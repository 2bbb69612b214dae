package cpuflags

// row is one line of the arch table as a person writes it: what a name adds to
// the row it is based on.
type row struct {
	name   string
	base   string // the row it builds on, or ""
	adds   string // flags, with spaces between
	vendor string // "" for a psABI level
	gcc    string // the first GCC that knows the name
	tune   string // valid -mtune; "" is the name itself
	// gccAdds is flags that some GCC includes in the name although its CPUs do
	// not have them.
	gccAdds string
	// model breaks the tie between names that require the same flags: family 6
	// models that carry this name rather than the other.
	models []int
	// implementer and part of the core (aarch64), from its MIDR register.
	implementer, part int
}

// x86Rows is the table for x86-64, oldest first; a row stands after its base.
//
// Where GCC 12.2 and GCC's own sources say otherwise than older lists: haswell
// has no hle any more; levels 3 and 4 and whatever has avx include xsave;
// bdver1 and btver1 include prefetchw, btver1 and bdver1 lahf_lm and xsave;
// alderlake includes ptwrite.
var x86Rows = []row{
	{name: "x86-64", adds: "cmov cx8 fpu fxsr mmx sse sse2", gcc: "4.2", tune: "generic"},
	{name: "x86-64-v2", base: "x86-64", adds: "cx16 lahf_lm popcnt sse3 ssse3 sse4_1 sse4_2", gcc: "11.1", tune: "nehalem"},
	{name: "x86-64-v3", base: "x86-64-v2", adds: "avx avx2 bmi1 bmi2 f16c fma lzcnt movbe osxsave xsave", gcc: "11.1", tune: "haswell"},
	{name: "x86-64-v4", base: "x86-64-v3", adds: "avx512f avx512bw avx512cd avx512dq avx512vl", gcc: "11.1", tune: "skylake-avx512"},

	{name: "nehalem", base: "x86-64-v2", vendor: "intel", gcc: "4.9"},
	{name: "westmere", base: "nehalem", adds: "pclmulqdq", vendor: "intel", gcc: "4.9"},
	{name: "silvermont", base: "westmere", adds: "movbe rdrand prefetchw", vendor: "intel", gcc: "4.9"},
	{name: "sandybridge", base: "westmere", adds: "avx osxsave xsave xsaveopt", vendor: "intel", gcc: "4.9"},
	{name: "ivybridge", base: "sandybridge", adds: "f16c rdrand fsgsbase", vendor: "intel", gcc: "4.9"},
	{name: "haswell", base: "ivybridge", adds: "avx2 bmi1 bmi2 lzcnt fma movbe", vendor: "intel", gcc: "4.9", gccAdds: "hle"},
	{name: "broadwell", base: "haswell", adds: "adx rdseed prefetchw", vendor: "intel", gcc: "4.9"},
	{name: "skylake", base: "broadwell", adds: "aes xsavec xsaves clflushopt sgx", vendor: "intel", gcc: "6"},
	{name: "skylake-avx512", base: "skylake", adds: "avx512f avx512cd avx512vl avx512bw avx512dq pku clwb", vendor: "intel", gcc: "6"},
	{name: "cascadelake", base: "skylake-avx512", adds: "avx512_vnni", vendor: "intel", gcc: "9"},
	{name: "cooperlake", base: "cascadelake", adds: "avx512_bf16", vendor: "intel", gcc: "10"},
	{name: "cannonlake", base: "skylake", adds: "avx512f avx512cd avx512vl avx512bw avx512dq avx512vbmi avx512ifma sha pku", vendor: "intel", gcc: "8"},
	{name: "icelake-client", base: "cannonlake", adds: "avx512_vnni avx512_vbmi2 avx512_bitalg avx512_vpopcntdq gfni vaes vpclmulqdq rdpid", vendor: "intel", gcc: "8"},
	{name: "icelake-server", base: "icelake-client", adds: "pconfig wbnoinvd clwb", vendor: "intel", gcc: "8"},
	{name: "tigerlake", base: "icelake-client", adds: "movdiri movdir64b avx512_vp2intersect kl clwb", vendor: "intel", gcc: "10"},
	{name: "alderlake", base: "skylake", adds: "sha gfni vaes vpclmulqdq avx_vnni movdiri movdir64b waitpkg serialize hreset pconfig kl ptwrite pku rdpid clwb", vendor: "intel", gcc: "11", gccAdds: "cldemote"},
	{name: "sapphirerapids", base: "icelake-server", adds: "movdiri movdir64b enqcmd cldemote waitpkg serialize tsxldtrk amx_tile amx_int8 amx_bf16 avx_vnni avx512_fp16 avx512_bf16 ptwrite uintr", vendor: "intel", gcc: "11", gccAdds: "avx512_vp2intersect"},
	{name: "emeraldrapids", base: "sapphirerapids", vendor: "intel", gcc: "13", models: []int{207}},

	{name: "btver1", base: "x86-64", adds: "sse3 ssse3 sse4a cx16 popcnt lzcnt lahf_lm prefetchw xsave", vendor: "amd", gcc: "4.6"},
	{name: "btver2", base: "btver1", adds: "sse4_1 sse4_2 aes pclmulqdq avx osxsave bmi1 f16c movbe xsaveopt", vendor: "amd", gcc: "4.8"},
	{name: "bdver1", base: "x86-64-v2", adds: "sse4a aes pclmulqdq avx osxsave xsave fma4 xop lzcnt prefetchw lwp", vendor: "amd", gcc: "4.7"},
	{name: "bdver2", base: "bdver1", adds: "bmi1 f16c fma tbm", vendor: "amd", gcc: "4.7"},
	{name: "bdver3", base: "bdver2", adds: "xsaveopt fsgsbase", vendor: "amd", gcc: "4.8"},
	{name: "bdver4", base: "bdver3", adds: "avx2 bmi2 rdrand movbe mwaitx", vendor: "amd", gcc: "4.9"},
	{name: "znver1", base: "x86-64-v3", adds: "sse4a aes pclmulqdq adx rdseed rdrand sha clzero prefetchw xsaveopt xsavec xsaves mwaitx clflushopt fsgsbase", vendor: "amd", gcc: "6"},
	{name: "znver2", base: "znver1", adds: "wbnoinvd clwb rdpid", vendor: "amd", gcc: "9"},
	{name: "znver3", base: "znver2", adds: "vaes vpclmulqdq pku", vendor: "amd", gcc: "10.3"},
	{name: "znver4", base: "znver3", adds: "gfni avx512f avx512dq avx512cd avx512bw avx512vl avx512ifma avx512vbmi avx512_vbmi2 avx512_vnni avx512_bitalg avx512_vpopcntdq avx512_bf16", vendor: "amd", gcc: "12.3"},
	{name: "znver5", base: "znver4", adds: "avx_vnni movdiri movdir64b avx512_vp2intersect prefetchi", vendor: "amd", gcc: "14.1"},
}
