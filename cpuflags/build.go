package cpuflags

import (
	"cmp"
	"slices"
	"strings"
)

// Build is what a program is compiled for: a name, less some of its flags. It
// is a set of flags written down; whatever is decided is decided by the set.
//
// Its text is the name, and where flags are left out -no- and these, with a
// hyphen between: znver4, znver4-no-sse4a, skylake-avx512-no-avx512bw-avx512vl.
// No name has -no- in it and no flag a hyphen, and the text may be the name of a
// file. A plain name is the Build that leaves nothing out.
type Build struct {
	Base string // a name of the table, or Generic
	// Without is the flags left out, sorted: hard ones only, and not those that
	// go by themselves with another one (all of AVX-512 with avx512f).
	Without []string
}

const without = "-no-"

// ParseBuild reads a Build's text. It is not ok for a name that is not in the
// table, and for flags that the name has not or cannot be without.
func ParseBuild(text string) (b Build, ok bool) {
	if text == Generic {
		return Build{Base: Generic}, true
	}
	v, ok := resolve(text)
	if !ok {
		return Build{}, false
	}
	return v.build(), true
}

// String is the text; ParseBuild reads it.
func (b Build) String() string {
	if len(b.Without) == 0 {
		return b.Base
	}
	return b.Base + without + strings.Join(b.Without, "-")
}

// Words is the build as people say it: "znver4 without sse4a".
func (b Build) Words() string {
	if len(b.Without) == 0 {
		return b.Base
	}
	return b.Base + " without " + strings.Join(b.Without, " ")
}

// Words is the build of that text as people say it; a text that is none stays
// as it is.
func Words(text string) string {
	if b, ok := ParseBuild(text); ok {
		return b.Words()
	}
	return text
}

// Flags is what a CPU must have to run the build: never a soft flag. Generic,
// and what ParseBuild refuses, need nothing.
func (b Build) Flags() Set {
	v, _ := resolve(b.String())
	return v.hard
}

// Arch is the name's row of the table; not ok for Generic.
func (b Build) Arch() (Arch, bool) { return LookupArch(b.Base) }

// Level is the best level that the build includes; "" for Generic.
func (b Build) Level() string { return Level(b.Flags()) }

// Options is what GCC of that version is given beside -march and -mtune, for
// nothing to be used that is not in Flags: -mno- and each flag that the name
// includes but the build does not. Soft flags are among them, whatever the CPU
// has: no compiler emits their instructions, so leaving them out costs nothing,
// and a build is the same wherever it is made. Those that something in Flags
// cannot be without (xsave, by avx) stay.
//
// It is nil for a compiler that is not known to be GCC (version ""), and where
// there is nothing to leave out. A flag whose option that GCC does not know is
// in none of its names.
func (b Build) Options(gcc string) []string {
	v, ok := resolve(b.String())
	if !ok || v.arch.Machine != X86 || gcc == "" {
		return nil
	}
	stay := v.hard
	for _, o := range omissions() {
		if o.self.SubsetOf(v.hard) {
			stay = stay.Union(o.needs)
		}
	}
	leave := v.arch.Requires.Union(v.arch.gccAdds).Without(stay)
	var out []string
	for _, o := range omissions() {
		if o.option != "" && o.self.SubsetOf(leave) && knowsOption(gcc, o.optionRow) {
			out = append(out, "-mno-"+o.option)
		}
	}
	slices.Sort(out)
	return out
}

// Whole is the best whole name that runs wherever b does, under these limits:
// for a compiler that does not know b's options. It is b's name where b leaves
// nothing out, and Generic where there is none.
func (b Build) Whole(l Limits) string {
	v, ok := resolve(b.String())
	if !ok || v.whole() {
		return b.Base
	}
	l.Whole = true
	w, ok := pick(CPU{Arch: v.arch.Machine, Flags: v.hard}, l, func(a *Arch) bool { return a.Vendor == v.arch.Vendor })
	if !ok {
		return Generic
	}
	return w.text()
}

// knowsOption says whether a GCC can be told to leave a flag out. "", and what
// does not begin with a number, is the newest.
func knowsOption(gcc string, r optionRow) bool {
	return !isVersion(gcc) || compareVersions(gcc, r.gcc) >= 0
}

func isVersion(gcc string) bool { return gcc != "" && gcc[0] >= '0' && gcc[0] <= '9' }

// variant is a Build with what is decided by: a name and the hard flags of it
// that are used.
type variant struct {
	arch  *Arch
	hard  Set
	level int // of hard, in levelNames
}

func wholeOf(a *Arch) variant { return variant{a, a.hard, slices.Index(levelNames, a.Level)} }

func (v variant) whole() bool { return v.hard.known == v.arch.hard.known }

func (v variant) build() Build {
	if v.whole() {
		return Build{Base: v.arch.Name}
	}
	return Build{v.arch.Name, roots(v.arch.hard.Without(v.hard))}
}

func (v variant) text() string { return v.build().String() }

// resolve reads a text.
func resolve(text string) (variant, bool) {
	if a := archByID(text); a != nil {
		return wholeOf(a), true
	}
	base, list, less := strings.Cut(text, without)
	a := archByID(base)
	if a == nil || !less || a.Machine != X86 {
		return variant{}, false
	}
	names := strings.Split(list, "-")
	gone := NewSet(names...)
	if slices.Contains(names, "") || !gone.SubsetOf(a.hard.Intersect(removable()).Without(osxsave)) {
		return variant{}, false
	}
	return a.less(usable(a.hard.Without(gone))), true
}

// on is what is left of a name on a CPU with these flags; f is usable already.
// Not ok where a flag is missing that the name cannot be without.
func (a *Arch) on(f Set) (variant, bool) {
	gone := a.hard.Without(f)
	if gone.Len() == 0 {
		return wholeOf(a), true
	}
	if a.Machine != X86 || !gone.SubsetOf(removable()) {
		return variant{}, false
	}
	return a.less(f), true
}

func (a *Arch) less(f Set) variant {
	hard := a.hard.Intersect(f)
	return variant{a, hard, slices.Index(levelNames, Level(hard))}
}

// compareVariants is the order of Rank.
func compareVariants(v, w variant) int {
	if c := -cmp.Compare(v.arch.Machine, w.arch.Machine); c != 0 { // x86_64 before aarch64
		return c
	}
	return cmp.Or(
		-cmp.Compare(v.level, w.level),
		-cmp.Compare(v.hard.Intersect(emitted).Len(), w.hard.Intersect(emitted).Len()),
		-cmp.Compare(v.hard.Len(), w.hard.Len()),
		-cmp.Compare(v.arch.Requires.Len(), w.arch.Requires.Len()),
		compareVersions(v.arch.MinGCC, w.arch.MinGCC),
		cmp.Compare(v.arch.Name, w.arch.Name),
	)
}
