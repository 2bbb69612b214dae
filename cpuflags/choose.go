package cpuflags

import (
	"strconv"
	"strings"
)

// CanRun reports whether a CPU with these flags runs a build for arch. The
// vendor does not matter, and soft flags do not. Generic always can; a name
// that is not in the table never.
func CanRun(f Set, arch string) bool {
	a, ok := archByID[arch]
	if !ok {
		return arch == Generic
	}
	return a.hard.SubsetOf(f)
}

// Missing lists, sorted, the flags that arch requires and f has not: hard ones,
// any of which means that the build cannot run, and soft ones, which mean
// nothing to a compiler. Both are empty, and not nil, where nothing is missing,
// for Generic, and for a name that is not in the table (which CanRun refuses).
func Missing(f Set, arch string) (hard, soft []string) {
	a, ok := archByID[arch]
	if !ok {
		return []string{}, []string{}
	}
	return a.missing(f)
}

func (a *Arch) missing(f Set) (hardNames, softNames []string) {
	return a.hard.Without(f).Sorted(), a.Requires.Without(a.hard).Without(f).Sorted()
}

// Level is the best level these flags reach: x86-64, x86-64-v2, -v3 or -v4
// (x86-64 psABI), armv8-a on aarch64, "" for neither.
func Level(f Set) string {
	for i := len(levelNames) - 1; i >= 0; i-- {
		if archByID[levelNames[i]].hard.SubsetOf(f) {
			return levelNames[i]
		}
	}
	return ""
}

// Limits are what stands between a CPU and its best build.
type Limits struct {
	// Known says whether the pin's own architecture table has the name. nil:
	// every name is known.
	Known func(arch string) bool
	// GCC is the version of the pinned compiler, "12.2" or "12.2.0". "", or
	// what does not begin with a number: any compiler will do.
	GCC string
}

// Reasons of WhyNot; a compiler that is too old says which one is needed.
const (
	ReasonFlags   = "missing flags"
	ReasonUnknown = "unknown to the pin"
	reasonGCC     = "needs GCC "
)

// Refuses returns "", or the reason why a name of the table cannot be built
// under these limits.
func (l Limits) Refuses(name string) string {
	a, ok := archByID[name]
	if !ok {
		return ReasonUnknown
	}
	return l.allows(a)
}

// allows returns "" or the reason why a name cannot be built.
func (l Limits) allows(a *Arch) string {
	if l.Known != nil && !l.Known(a.Name) {
		return ReasonUnknown
	}
	if l.GCC != "" && l.GCC[0] >= '0' && l.GCC[0] <= '9' && compareVersions(l.GCC, a.MinGCC) < 0 {
		return reasonGCC + a.MinGCC
	}
	return ""
}

// compareVersions compares dotted numbers; a missing or strange part is 0.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		if m != n {
			if m < n {
				return -1
			}
			return 1
		}
	}
	return 0
}
