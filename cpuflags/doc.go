// Package cpuflags tells what a CPU can do and which build is best for it.
//
// It reads a machine (this one, by CPUID and /proc/cpuinfo, or a saved
// cpuinfo), holds the table of GCC -march names with the flags each requires,
// and decides with them: CanRun (may a build for this name run here), Level
// (the best of the x86-64 psABI levels), Best (one CPU), BestCommon (several),
// with the reasons why not better.
//
// It promises that CanRun says yes only where every flag was seen that a compiler
// emits code for in that build, and that the same CPU and limits give the same
// choice wherever they are asked about.
//
// It decides by sets of flags alone. It never looks at brand names, never starts
// a process, never writes a file and never guesses a flag that was not seen. The
// model number only labels, and breaks ties between names that require the same
// flags.
//
// # Flag names
//
// Flags are named as the Linux kernel prints them, but for four that it names
// in its own way (see Normalise): abm is lzcnt, pni is sse3, sha_ni is sha,
// 3dnowprefetch is prefetchw. osxsave, which the kernel does not print, follows
// from avx.
//
// # Sources
//
// The names, their flags and the first GCC that knows them: GCC's i386.h,
// aarch64-cores.def and release notes, compared in a test with the host's own
// compiler. The levels: the x86-64 psABI. The names of cpuinfo: the kernel's
// arch/x86/include/asm/cpufeatures.h and Documentation/arch/arm64/elf_hwcaps.
package cpuflags
