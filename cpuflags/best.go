package cpuflags

import (
	"cmp"
	"slices"
)

// Choice is the build chosen for a CPU, or for several, and why not a better
// one.
type Choice struct {
	// Arch is the chosen build's text; Generic where not even the lowest level
	// may be asked for under the limits; "" where there is no build that all can
	// run (an x86-64 CPU without SSE2, or CPUs of different architectures).
	Arch        string   `json:"arch"`
	Tune        string   `json:"tune,omitempty"` // -mtune for it
	Level       string   `json:"level"`          // Level of the flags, whatever the limits
	SoftMissing []string `json:"soft_missing"`   // flags of Arch that are missing and do not decide; sorted, never nil
	Not         []WhyNot `json:"not"`            // better arches, least demanding first; never nil
}

// WhyNot is one better arch, and what is in its way.
type WhyNot struct {
	Arch        string   `json:"arch"`
	Missing     []string `json:"missing"`      // hard flags; sorted, never nil
	SoftMissing []string `json:"soft_missing"` // soft flags; sorted, never nil
	Reason      string   `json:"reason"`       // "missing flags", "unknown to the pin" or "needs GCC 14.1"
}

// vendorKey maps CPU.Vendor to Arch.Vendor; "" for vendors that no arch is
// named for. Hygon's CPUs are Zen 1 derivatives, but HygonGenuine is a vendor
// of its own, for which GCC 12 has no name: they get their level, which is what
// a compiler uses of them anyway.
func vendorKey(vendor string) string {
	switch vendor {
	case "GenuineIntel":
		return "intel"
	case "AuthenticAMD":
		return "amd"
	}
	return ""
}

// Best chooses for one CPU. Of every name of its own vendor, and of the levels,
// that the limits allow, it takes what the CPU has: the whole name, or the name
// less the flags that are missing (and what needs those). Of these it is
//
//  1. the one of the highest level,
//  2. then the one with most of the flags that compilers emit code for,
//  3. then a whole name; so a name less flags is chosen whenever, and only
//     when, it gives more than the best whole name,
//  4. then, of names that require the same, the one for the CPU's model,
//  5. then the one that leaves least out, requires most, of which fewest soft
//     flags are missing, and that is first in Rank.
//
// On aarch64 it is the core's own -mcpu name, whole, else armv8-a.
func Best(c CPU, l Limits) Choice {
	return choose(c, l, own(c))
}

// own is the names that are looked at for one CPU, or for CPUs that are alike.
func own(c CPU) func(*Arch) bool {
	vendor := vendorKey(c.Vendor)
	return func(a *Arch) bool {
		if a.Machine != X86 {
			return a.isCore(c)
		}
		return a.Vendor == vendor
	}
}

// choose is the rule, over the flags that all CPUs have.
func choose(c CPU, l Limits, named func(*Arch) bool) Choice {
	best, ok := pick(c, l, named)
	level := Level(c.Flags)
	ch := Choice{Level: level, SoftMissing: []string{}, Not: []WhyNot{}}
	switch {
	case ok:
		ch.Arch, ch.Tune = best.text(), tune(best, c, l)
		_, ch.SoftMissing = best.missing(c.Flags)
	case level != "":
		ch.Arch = Generic
	default:
		return ch
	}
	ch.Not = whyNot(c, l, best)
	return ch
}

// pick is the best variant of the names; not ok where nothing may be asked for.
func pick(c CPU, l Limits, named func(*Arch) bool) (best variant, ok bool) {
	level := Level(c.Flags)
	if level == "" {
		return variant{}, false
	}
	f, machine := usable(c.Flags), archByID(level).Machine
	for i := range archs {
		a := &archs[i]
		if a.Machine != machine || !(a.Vendor == "" || named(a)) {
			continue
		}
		v, can := a.on(f)
		if can && l.refuses(v) == "" && (!ok || better(v, best, c)) {
			best, ok = v, true
		}
	}
	return best, ok
}

// better orders two variants that the CPU can run, by the rule of Best.
func better(v, w variant, c CPU) bool {
	if v.level != w.level {
		return v.level > w.level
	}
	if n, m := v.hard.Intersect(emitted).Len(), w.hard.Intersect(emitted).Len(); n != m {
		return n > m
	}
	if v.whole() != w.whole() {
		return v.whole()
	}
	a, b := v.arch, w.arch
	if a.Requires.Equal(b.Requires) {
		x, y := a.isModel(c), b.isModel(c)
		if x != y {
			return x
		}
		// A name that stands for certain models only is no answer for others.
		if u, w := len(a.models) == 0, len(b.models) == 0; u != w {
			return u
		}
	}
	return cmp.Or(
		cmp.Compare(len(v.build().Without), len(w.build().Without)),
		-cmp.Compare(v.hard.Len(), w.hard.Len()),
		cmp.Compare(a.Requires.Without(c.Flags).Len(), b.Requires.Without(c.Flags).Len()),
		cmp.Compare(a.order, b.order),
	) < 0
}

func (a *Arch) isModel(c CPU) bool { return c.Family == 6 && slices.Contains(a.models, c.Model) }

func (a *Arch) isCore(c CPU) bool {
	return a.implementer != 0 && a.implementer == c.Implementer && a.part == c.Part
}

// Tune is the -mtune of a build for one CPU or several: the name's own; where
// the name is a level, or another vendor's, the newest name of the CPUs' own
// vendor that the limits know, which may ask for more than the CPUs have, since
// tuning uses no flag. CPUs of several vendors have none.
func Tune(build string, cpus []CPU, l Limits) string {
	v, ok := resolve(build)
	if !ok {
		return ""
	}
	c, _, ok := commonCPU(cpus)
	if !ok {
		return v.arch.Tune
	}
	return tune(v, c, l)
}

func tune(v variant, c CPU, l Limits) string {
	vendor := vendorKey(c.Vendor)
	if vendor == "" || v.arch.Machine != X86 || v.arch.Vendor == vendor {
		return v.arch.Tune
	}
	var best *Arch
	f := usable(c.Flags)
	for i := range archs {
		a := &archs[i]
		if a.Vendor != vendor || l.allows(a) != "" {
			continue
		}
		if best == nil || a.hard.Intersect(f).Len() > best.hard.Intersect(f).Len() {
			best = a
		}
	}
	if best == nil {
		return v.arch.Tune
	}
	return best.Tune
}

// whyNot explains every better name of the CPU's vendor: those before the
// chosen build in Rank. A vendor without names gets the better levels; an
// aarch64 core its own name. The zero best is Generic.
func whyNot(c CPU, l Limits, best variant) []WhyNot {
	vendor, arm := vendorKey(c.Vendor), Level(c.Flags) == baseARM
	betters := make([]*Arch, 0, 24)
	for i := range archs {
		a := &archs[i]
		if best.arch != nil && (compareVariants(wholeOf(a), best) >= 0 || (best.whole() && a.Requires.Equal(best.arch.Requires))) {
			continue
		}
		of := a.Machine == X86 && a.Vendor == vendor
		if arm {
			of = a.isCore(c)
		}
		if of {
			betters = append(betters, a)
		}
	}
	slices.SortFunc(betters, func(a, b *Arch) int { return b.order - a.order })
	out := make([]WhyNot, 0, len(betters))
	for _, a := range betters {
		w := WhyNot{Arch: a.Name}
		w.Missing, w.SoftMissing = wholeOf(a).missing(c.Flags)
		if w.Reason = l.allows(a); len(w.Missing) > 0 {
			w.Reason = ReasonFlags
		}
		if w.Reason != "" {
			out = append(out, w)
		}
	}
	return out
}
