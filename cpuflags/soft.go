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

// emittedNames are the flags of which GCC emits instructions without being asked,
// or for an operation that every x86-64 has some way to do: those that make a
// build faster.
//
// Found by asking GCC 12.2: a third of the double precision of LAPACK and BLAS
// (Fortran), Zstandard's library and program (C), fmt and Eigen's BLAS (C++), compiled
// with -O3 -ffast-math -march=sapphirerapids, 591,059 instructions in all,
// disassembled and their 410 mnemonics counted; and loops written for what these have no use for
// (counting bits, dot products of bytes, half precision, 16-byte exchange), for
// sapphirerapids, alderlake, znver3, bdver4 and btver2. What was found of each:
// fisttp and addsubpd (sse3), pshufb and palignr (ssse3), pmulld (sse4_1), blcfill
// (tbm), vpcmov (xop), vfmaddpd of four operands (fma4), vpermb (avx512vbmi),
// vpdpbusd (avx512_vnni, avx_vnni), vpopcntb (avx512_bitalg), vpopcntd
// (avx512_vpopcntdq), vaddph (avx512_fp16), cmpxchg16b (cx16) and so on. sse4_2 is
// pcmpgtq, for which none of these had use.
//
// Not once found: aes sha adx rdrand rdseed rdpid pclmulqdq vaes vpclmulqdq gfni
// sse4a xsave clflushopt clwb clzero cldemote movdiri movdir64b enqcmd waitpkg
// serialize amx avx512ifma avx512_vbmi2 avx512_bf16 avx512_vp2intersect, and all
// soft ones. Those of them that programs ask for by name (under #ifdef __AES__, say)
// are hard all the same, and left out where the CPU has them not; the others are
// soft.
const emittedNames = `popcnt sse3 ssse3 sse4_1 sse4_2 cx16 movbe lzcnt bmi1 bmi2 tbm
	avx f16c fma fma4 xop avx2 avx512f avx512cd avx512vl avx512bw avx512dq avx512vbmi
	avx512_vnni avx512_bitalg avx512_vpopcntdq avx512_fp16 avx_vnni`
