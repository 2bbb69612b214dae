package cpuflags

// softNames are flags that GCC's names include but that GCC never emits by
// itself, and that hypervisors, firmware and kernels like to mask, or that the
// kernel has no name for. They are reported when missing and never decide: a
// Zen 4 without pku is still a Zen 4 for a compiler; and no build uses them
// (Build.Options).
//
// Three are here because real machines hide them: xsaves is for the kernel
// alone (it faults in programs), and Linux clears it on Zen 1 and 2 (AMD
// erratum 1386); rdseed is cleared by Linux on Zen 5 (AMD-SB-7055), and only
// programs that ask for it by name use it; prefetchi is printed by no kernel
// for AMD's CPUs (CPUID Fn8000_0021 EAX[20]), so that no Zen 5 would ever be
// told, and is a no-operation where it is missing.
const softNames = `cldemote enqcmd fsgsbase fxsr hle hreset kl lwp movdir64b movdiri mwaitx pconfig
	pku prefetchi ptwrite rdpid rdseed serialize sgx tsxldtrk uintr waitpkg wbnoinvd xsave xsaves`

// emittedNames are the flags of which GCC emits instructions without being asked.
const emittedNames = `popcnt sse3 ssse3 sse4_1 sse4_2 movbe lzcnt bmi1 bmi2 tbm
	avx f16c fma fma4 xop avx2 avx512f avx512cd avx512vl avx512bw avx512dq avx512vbmi
	avx512_vbmi2 avx512_vnni avx512_bitalg avx512_vpopcntdq avx512_fp16 avx512_bf16 avx_vnni cx16`
