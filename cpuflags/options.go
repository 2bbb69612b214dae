package cpuflags

import "sync"

// optionRow is how a compiler is told to leave a flag out, and what GCC takes
// away with it.
type optionRow struct {
	flag   string
	option string // GCC's -mno-OPTION; "" where there is none
	gcc    string // the first GCC that knows the option
	needs  string // the flags it cannot be without
}

// optionRows has a row for every flag of x86 names that can be left out; a flag
// stands after those it needs. What is not here belongs to every x86-64 (cmov
// cx8 fpu mmx sse sse2).
//
// needs is the implication order of GCC's i386-common.cc, of all its versions
// together: where a newer GCC takes more away (vbmi2 and bitalg with bw, fp16
// with dq and vl, vaes with aes), so does this table, and the flags name all of
// it. A test asks the host's GCC that it takes away no more. osxsave is the
// kernel's and has no option: without it avx goes.
//
// The versions are those of GCC's release notes; where these are silent, the
// later one that is sure. A flag whose option a GCC does not know is in none of
// its names.
var optionRows = []optionRow{
	{"fxsr", "fxsr", "4.8", ""},
	{"cx16", "cx16", "4.3", ""},
	{"lahf_lm", "sahf", "4.3", ""},
	{"popcnt", "popcnt", "4.4", ""},
	{"sse3", "sse3", "4.3", ""},
	{"ssse3", "ssse3", "4.3", "sse3"},
	{"sse4_1", "sse4.1", "4.3", "ssse3"},
	{"sse4_2", "sse4.2", "4.3", "sse4_1"},
	{"sse4a", "sse4a", "4.3", "sse3"},
	{"movbe", "movbe", "4.6", ""},
	{"lzcnt", "lzcnt", "4.7", ""},
	{"bmi1", "bmi", "4.7", ""},
	{"bmi2", "bmi2", "4.7", ""},
	{"tbm", "tbm", "4.7", ""},
	{"lwp", "lwp", "4.7", ""},
	{"aes", "aes", "4.4", ""},
	{"pclmulqdq", "pclmul", "4.4", ""},
	{"sha", "sha", "4.9", ""},
	{"adx", "adx", "4.8", ""},
	{"rdrand", "rdrnd", "4.6", ""},
	{"rdseed", "rdseed", "4.8", ""},
	{"prefetchw", "prfchw", "4.8", ""},
	{"fsgsbase", "fsgsbase", "4.6", ""},
	{"hle", "hle", "4.8", ""},
	{"xsave", "xsave", "4.9", ""},
	{"osxsave", "", "", ""},
	{"xsaveopt", "xsaveopt", "4.9", "xsave"},
	{"xsavec", "xsavec", "5", "xsave"},
	{"xsaves", "xsaves", "5", "xsave"},
	{"clflushopt", "clflushopt", "5", ""},
	{"clwb", "clwb", "5", ""},
	{"mwaitx", "mwaitx", "6", ""},
	{"clzero", "clzero", "6", ""},
	{"pku", "pku", "6", ""},
	{"avx", "avx", "4.4", "sse4_2 osxsave xsave"},
	{"f16c", "f16c", "4.6", "avx"},
	{"fma", "fma", "4.7", "avx"},
	{"fma4", "fma4", "4.6", "avx sse4a"},
	{"xop", "xop", "4.6", "fma4"},
	{"avx2", "avx2", "4.7", "avx"},
	{"avx512f", "avx512f", "4.9", "avx2"},
	{"avx512cd", "avx512cd", "4.9", "avx512f"},
	{"avx512vl", "avx512vl", "5", "avx512f"},
	{"avx512bw", "avx512bw", "5", "avx512f"},
	{"avx512dq", "avx512dq", "5", "avx512f"},
	{"avx512ifma", "avx512ifma", "5", "avx512f"},
	{"avx512vbmi", "avx512vbmi", "5", "avx512bw"},
	{"sgx", "sgx", "8", ""},
	{"rdpid", "rdpid", "8", ""},
	{"gfni", "gfni", "8", ""},
	{"vaes", "vaes", "8", "avx aes"},
	{"vpclmulqdq", "vpclmulqdq", "8", "avx pclmulqdq"},
	{"avx512_vbmi2", "avx512vbmi2", "8", "avx512bw"},
	{"avx512_vnni", "avx512vnni", "8", "avx512f"},
	{"avx512_bitalg", "avx512bitalg", "8", "avx512bw"},
	{"avx512_vpopcntdq", "avx512vpopcntdq", "8", "avx512f"},
	{"pconfig", "pconfig", "9", ""},
	{"wbnoinvd", "wbnoinvd", "9", ""},
	{"movdiri", "movdiri", "9", ""},
	{"movdir64b", "movdir64b", "9", ""},
	{"waitpkg", "waitpkg", "9", ""},
	{"cldemote", "cldemote", "9", ""},
	{"ptwrite", "ptwrite", "9", ""},
	{"enqcmd", "enqcmd", "10", ""},
	{"avx512_bf16", "avx512bf16", "10", "avx512bw"},
	{"avx512_vp2intersect", "avx512vp2intersect", "10", "avx512f"},
	{"serialize", "serialize", "11", ""},
	{"tsxldtrk", "tsxldtrk", "11", ""},
	{"amx_tile", "amx-tile", "11", "xsave"},
	{"amx_int8", "amx-int8", "11", "amx_tile"},
	{"amx_bf16", "amx-bf16", "11", "amx_tile"},
	{"uintr", "uintr", "11", ""},
	{"hreset", "hreset", "11", ""},
	{"kl", "kl", "11", ""},
	{"avx_vnni", "avxvnni", "11", "avx2"},
	{"avx512_fp16", "avx512fp16", "12", "avx512bw avx512dq avx512vl"},
	{"prefetchi", "prefetchi", "13", ""},
}

// omission is a row of optionRows, as sets.
type omission struct {
	optionRow
	self, needs Set
}

var omissions = sync.OnceValue(func() []omission {
	out := make([]omission, len(optionRows))
	for i, r := range optionRows {
		out[i] = omission{r, NewSet(r.flag), NewSet(fields(r.needs)...)}
	}
	return out
})

// removable is the flags that a name can be without.
var removable = sync.OnceValue(func() (s Set) {
	for _, o := range omissions() {
		s = s.Union(o.self)
	}
	return s
})

// usable is what a compiler may use of some flags: those whose needs are all
// there too. Soft flags, which hypervisors mask at will, take nothing away.
func usable(f Set) Set {
	for _, o := range omissions() {
		if !o.needs.Without(soft).SubsetOf(f) {
			f = f.Without(o.self)
		}
	}
	if !f.Has("avx") { // osxsave serves avx alone
		f = f.Without(osxsave)
	}
	return f
}

// roots is the flags of a set that do not go by themselves when others of the
// set are left out: the shortest way to say what is missing.
func roots(removed Set) []string {
	removed = removed.Without(osxsave)
	var names []string
	for _, o := range omissions() {
		if o.self.SubsetOf(removed) && o.needs.Intersect(removed).Len() == 0 {
			names = append(names, o.flag)
		}
	}
	return NewSet(names...).Sorted()
}
