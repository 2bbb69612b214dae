package cpuflags

import "slices"

// Choice is the build chosen for a CPU, or for several, and why not a better
// one.
type Choice struct {
	// Arch is the chosen name; Generic where not even the lowest level may be
	// asked for under the limits; "" where there is no build that all can run
	// (an x86-64 CPU without SSE2, or several CPUs of different architectures).
	Arch        string   `json:"arch"`
	Level       string   `json:"level"`        // Level of the flags, whatever the limits
	SoftMissing []string `json:"soft_missing"` // flags of Arch that are missing and do not decide; sorted, never nil
	Not         []WhyNot `json:"not"`          // better arches, least demanding first; never nil
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

// Best chooses for one CPU: among the arches that it can run, of its own
// vendor, that include its level, and that the limits allow, the one that
// requires most; else the level. Where the limits forbid the level too, the
// next lower one takes its place. Ties are broken as in Rank, after the model
// number. On aarch64 it is the core's own -mcpu name, else armv8-a.
func Best(c CPU, l Limits) Choice {
	level := Level(c.Flags)
	var best *Arch
	if level == baseARM {
		best = bestARM(c, l)
	} else {
		best = bestX86(c, l, level)
	}
	return choice(c, l, level, best)
}

func bestX86(c CPU, l Limits, level string) *Arch {
	vendor := vendorKey(c.Vendor)
	for i := slices.Index(levelNames, level); i >= 0; i-- {
		lv := archByID[levelNames[i]]
		var best *Arch
		for j := range archs {
			a := &archs[j]
			if a.Vendor == "" || a.Vendor != vendor || !a.hard.SubsetOf(c.Flags) || !lv.hard.SubsetOf(a.hard) || l.allows(a) != "" {
				continue
			}
			if best == nil || better(a, best, c) {
				best = a
			}
		}
		if best == nil && l.allows(lv) == "" {
			best = lv
		}
		if best != nil {
			return best
		}
	}
	return nil
}

// better orders two arches that the CPU can run.
func better(a, b *Arch, c CPU) bool {
	if a.Requires.Equal(b.Requires) {
		x, y := a.isModel(c), b.isModel(c)
		if x != y {
			return x
		}
		// A name that stands for certain models only is no answer for others.
		if u, v := len(a.models) == 0, len(b.models) == 0; u != v {
			return u
		}
	}
	if n, m := a.hard.Len(), b.hard.Len(); n != m {
		return n > m
	}
	return a.order < b.order
}

func (a *Arch) isModel(c CPU) bool { return c.Family == 6 && slices.Contains(a.models, c.Model) }

func bestARM(c CPU, l Limits) *Arch {
	base := archByID[baseARM]
	for i := range archs {
		a := &archs[i]
		if a.isCore(c) && a.hard.SubsetOf(c.Flags) && l.allows(a) == "" {
			return a
		}
	}
	if l.allows(base) == "" {
		return base
	}
	return nil
}

func (a *Arch) isCore(c CPU) bool {
	return a.implementer != 0 && a.implementer == c.Implementer && a.part == c.Part
}

// choice explains a chosen arch; nil is Generic, or "" where there is no level.
func choice(c CPU, l Limits, level string, best *Arch) Choice {
	ch := Choice{Level: level, SoftMissing: []string{}, Not: []WhyNot{}}
	switch {
	case best != nil:
		ch.Arch = best.Name
		_, ch.SoftMissing = best.missing(c.Flags)
	case level != "":
		ch.Arch = Generic
	default:
		return ch
	}
	ch.Not = whyNot(c, l, level, best)
	return ch
}

// whyNot explains every better arch of the CPU's vendor: those before the
// chosen one in Rank. A vendor without arches gets the better levels; an
// aarch64 core its own name.
func whyNot(c CPU, l Limits, level string, best *Arch) []WhyNot {
	vendor := vendorKey(c.Vendor)
	betters := make([]*Arch, 0, 24)
	for i := range archs {
		a := &archs[i]
		if best != nil && (a == best || a.order >= best.order || a.Requires.Equal(best.Requires)) {
			continue
		}
		of := a.Machine == X86 && a.Vendor == vendor
		if level == baseARM {
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
		w.Missing, w.SoftMissing = a.missing(c.Flags)
		if w.Reason = l.allows(a); len(w.Missing) > 0 {
			w.Reason = ReasonFlags
		}
		if w.Reason != "" {
			out = append(out, w)
		}
	}
	return out
}
