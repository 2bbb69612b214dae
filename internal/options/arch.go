package options

import (
	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/suggest"
)

// Arch says what is wrong with the name of an arch where a file may also say
// generic, and the way out; both are "" where nothing is.
func Arch(s string) (problem, hint string) {
	if s == "generic" {
		return "", ""
	}
	if s == "native" {
		return "would be the CPU of whoever builds", "write auto: it follows the CPUs of the nodes"
	}
	if _, ok := cpuflags.ParseBuild(s); ok {
		return "", ""
	}
	words := append([]string{"auto", "generic"}, cpuflags.ArchNames()...)
	hint = suggest.DidYouMean(s, words)
	if hint == "" {
		hint = "names are those of GCC's -march, such as haswell, znver4, x86-64-v3"
	}
	return "is not an arch that is known here", hint
}

// CPUArch is Arch where only an arch of a CPU has a meaning.
func CPUArch(name string) (problem, hint string) {
	if name == "generic" {
		return "is no arch of a CPU", "leave it out: nothing said is the same"
	}
	return Arch(name)
}
