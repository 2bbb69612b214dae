package cpuflags

import (
	"cmp"
	"slices"
)

// Generic is the build without an arch of its own: the baseline of the
// machine's architecture. It is no -march name and stands in no table, but
// CanRun, Missing and Rank know it: it can always run, and ranks last.
const Generic = "generic"

// The values of Arch.Machine and CPU.Arch, as uname -m has them.
const (
	X86     = "x86_64"
	AArch64 = "aarch64"
)

// Arch is one GCC -march name (on aarch64: -mcpu name).
type Arch struct {
	Name    string // "haswell", "x86-64-v3", "neoverse-n1"
	Machine string // X86 or AArch64
	Vendor  string // "intel", "amd", …; "" for the levels and armv8-a
	MinGCC  string // the first GCC that knows the name, "12.3"
	// Requires is everything the compiler may take for granted, soft flags
	// included, as a full closure.
	Requires Set
	Tune     string // a valid -mtune for it: GCC refuses -mtune=x86-64-v3
	Level    string // the highest level it includes: "x86-64-v3"; "armv8-a"

	hard              Set // Requires without the soft flags
	gccAdds           Set // flags that some GCC includes although the CPUs of the name have them not
	models            []int
	implementer, part int
	order             int // its place in Rank, 0 is best
}

// Soft is the set of flags that are reported when missing and never decide.
func Soft() Set { return soft }

// levelNames are the levels, lowest first, of both architectures.
var levelNames = []string{"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", baseARM}

// archByID finds a name in the table; nil if it is not there.
func archByID(name string) *Arch {
	for i := range archs {
		if archs[i].Name == name {
			return &archs[i]
		}
	}
	return nil
}

// Arches is the whole table, x86-64 first, a name after those it builds on.
func Arches() []Arch { return slices.Clone(archs) }

// LookupArch finds a name in the table.
func LookupArch(name string) (Arch, bool) {
	if a := archByID(name); a != nil {
		return *a, true
	}
	return Arch{}, false
}

// ArchNames lists the names of the table, sorted.
func ArchNames() []string {
	names := make([]string, len(archs))
	for i, a := range archs {
		names[i] = a.Name
	}
	slices.Sort(names)
	return names
}

// Rank puts builds in a fixed total order, best first, whatever the machine:
// the higher level first; in a level the build that requires more flags of those
// that compilers emit code for; then more flags (soft ones not counted); then the
// name with more flags, the soft ones counted; then the name that an older GCC
// knows; then by text. x86-64 comes before aarch64,
// then Generic, and what is no build last, by text. Twice the same stays twice.
// The first of them that CanRun is the one to run.
func Rank(builds []string) []string {
	type place struct {
		text  string
		group int // a build, Generic, or neither
		v     variant
	}
	places := make([]place, len(builds))
	for i, b := range builds {
		p := place{text: b, group: 2}
		if v, ok := resolve(b); ok {
			p.group, p.v = 0, v
		} else if b == Generic {
			p.group = 1
		}
		places[i] = p
	}
	slices.SortFunc(places, func(a, b place) int {
		c := cmp.Compare(a.group, b.group)
		if c == 0 && a.group == 0 {
			c = compareVariants(a.v, b.v)
		}
		return cmp.Or(c, cmp.Compare(a.text, b.text))
	})
	out := make([]string, len(places))
	for i, p := range places {
		out[i] = p.text
	}
	return out
}
