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

var soft = NewSet(fields(softNames)...)

// Soft is the set of flags that are reported when missing and never decide.
func Soft() Set { return soft }

var (
	archs    = buildTable()
	archByID = indexTable()
)

// buildTable closes the rows over their bases.
func buildTable() []Arch {
	table := make([]Arch, 0, len(x86Rows)+len(armRows))
	byName := map[string]int{}
	add := func(rows []row, machine string) {
		for _, r := range rows {
			a := Arch{Name: r.name, Machine: machine, Vendor: r.vendor, MinGCC: r.gcc, Tune: cmp.Or(r.tune, r.name),
				Requires: NewSet(fields(r.adds)...), models: r.models, implementer: r.implementer, part: r.part}
			a.gccAdds = NewSet(fields(r.gccAdds)...)
			if r.base != "" {
				i, ok := byName[r.base]
				if !ok {
					panic("cpuflags: row " + r.name + " stands before its base")
				}
				a.Requires = a.Requires.Union(table[i].Requires)
				a.gccAdds = a.gccAdds.Union(table[i].gccAdds)
			}
			a.hard = a.Requires.Without(soft)
			byName[a.Name] = len(table)
			table = append(table, a)
		}
	}
	add(x86Rows, X86)
	add(armRows, AArch64)
	for i := range table {
		for _, l := range levelNames {
			if lv := table[byName[l]]; lv.hard.SubsetOf(table[i].hard) {
				table[i].Level = l
			}
		}
	}
	sorted := make([]*Arch, len(table))
	for i := range table {
		sorted[i] = &table[i]
	}
	slices.SortFunc(sorted, func(a, b *Arch) int {
		return compareVariants(wholeOf(a), wholeOf(b))
	})
	for i, a := range sorted {
		a.order = i
	}
	return table
}

// levelNames are the levels, lowest first, of both architectures.
var levelNames = []string{"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", baseARM}

func indexTable() map[string]*Arch {
	m := make(map[string]*Arch, len(archs))
	for i := range archs {
		m[archs[i].Name] = &archs[i]
	}
	return m
}

// Arches is the whole table, x86-64 first, a name after those it builds on.
func Arches() []Arch { return slices.Clone(archs) }

// LookupArch finds a name in the table.
func LookupArch(name string) (Arch, bool) {
	if a, ok := archByID[name]; ok {
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
