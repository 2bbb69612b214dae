package cpuflags

import "strings"

func fields(s string) []string { return strings.Fields(s) }

// kernelNames are the flags that the kernel calls by another name than the
// table does.
var kernelNames = map[string]string{
	"abm":           "lzcnt",
	"pni":           "sse3",
	"sha_ni":        "sha",
	"3dnowprefetch": "prefetchw",
}

// Normalise turns the flags of an x86 cpuinfo into a Set: abm is LZCNT, pni is
// SSE3 (and ssse3 implies it), sha_ni is SHA, 3dnowprefetch is PREFETCHW; avx
// is only printed when the kernel has switched the state on, so it implies
// OSXSAVE, which the kernel never prints. Other names stay as they are.
func Normalise(names []string) Set {
	out := make([]string, 0, len(names)+2)
	for _, n := range names {
		if k, ok := kernelNames[n]; ok {
			n = k
		}
		out = append(out, n)
		switch n {
		case "avx":
			out = append(out, "osxsave")
		case "ssse3":
			out = append(out, "sse3")
		}
	}
	return NewSet(out...)
}
