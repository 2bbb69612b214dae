package cpuflags

import (
	"strconv"
	"strings"
)

// CanRun reports whether a CPU with these flags runs a build, which is given as
// its text. The vendor does not matter, and soft flags do not. Generic always
// can; what is no build never.
func CanRun(f Set, build string) bool {
	v, ok := resolve(build)
	if !ok {
		return build == Generic
	}
	return v.hard.SubsetOf(f)
}

// Missing lists, sorted, the flags of a build that f has not: hard ones, any of
// which means that the build cannot run, and soft ones, which mean nothing to a
// compiler. Both are empty, and not nil, where nothing is missing, for Generic,
// and for what is no build (which CanRun refuses).
func Missing(f Set, build string) (hard, soft []string) {
	v, ok := resolve(build)
	if !ok {
		return []string{}, []string{}
	}
	return v.missing(f)
}

func (v variant) missing(f Set) (hardNames, softNames []string) {
	return v.hard.Without(f).Sorted(), v.arch.Requires.Without(v.arch.hard).Without(f).Sorted()
}

// Level is the best level these flags reach: x86-64, x86-64-v2, -v3 or -v4
// (x86-64 psABI), armv8-a on aarch64, "" for neither.
func Level(f Set) string {
	for i := len(levelNames) - 1; i >= 0; i-- {
		if archByID(levelNames[i]).hard.SubsetOf(f) {
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
	// Whole says that only whole names will do: the compiler has no -mno-
	// options of GCC's (Clang), or what is told the build takes a name only.
	Whole bool
}

// Reasons of WhyNot; a compiler that is too old says which one is needed.
const (
	ReasonFlags   = "missing flags"
	ReasonUnknown = "unknown to the pin"
	reasonGCC     = "needs GCC "
	reasonWhole   = "only whole names will do here"
)

// Refuses returns "", or the reason why a build cannot be made under these
// limits.
func (l Limits) Refuses(build string) string {
	v, ok := resolve(build)
	if !ok {
		return ReasonUnknown
	}
	return l.refuses(v)
}

func (l Limits) refuses(v variant) string {
	if why := l.allows(v.arch); why != "" || v.whole() {
		return why
	}
	if l.Whole {
		return reasonWhole
	}
	gone, need := v.arch.hard.Without(v.hard), ""
	for _, o := range omissions() {
		if o.option != "" && o.self.SubsetOf(gone) && !knowsOption(l.GCC, o.optionRow) && compareVersions(o.gcc, need) > 0 {
			need = o.gcc
		}
	}
	if need != "" {
		return reasonGCC + need
	}
	return ""
}

// allows returns "" or the reason why a name cannot be built.
func (l Limits) allows(a *Arch) string {
	if l.Known != nil && !l.Known(a.Name) {
		return ReasonUnknown
	}
	if isVersion(l.GCC) && compareVersions(l.GCC, a.MinGCC) < 0 {
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
