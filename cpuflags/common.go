package cpuflags

import "slices"

// BestCommon chooses one build for several CPUs, over the flags that all of
// them have.
//
// CPUs of one vendor: as Best, over those flags. Of several vendors: the
// maximal arch that all can run and the limits allow, whoever it is named for,
// where maximal means that no other one requires all of its flags and more. If
// there are several maxima of which none includes the other (Sapphire Rapids
// with Zen 4: icelake-server and cooperlake), neither is taken but the cautious
// answer: the CPU that the common level is named after in GCC's tuning
// (nehalem, haswell, skylake-avx512) if all can run it, else the level. Maxima
// that require the same are taken in the order of Rank.
//
// No CPUs, or CPUs of different architectures, have no common build: Arch "".
func BestCommon(cpus []CPU, l Limits) Choice {
	common, alike, ok := commonCPU(cpus)
	if !ok {
		return Choice{SoftMissing: []string{}, Not: []WhyNot{}}
	}
	if alike {
		return Best(common, l)
	}
	level := Level(common.Flags)
	return choice(common, l, level, maximal(common.Flags, l, level, cpus))
}

// commonCPU intersects CPUs. What they do not share is empty. alike says that
// they are of one vendor (aarch64: one core), ok that there is something to
// intersect.
func commonCPU(cpus []CPU) (c CPU, alike, ok bool) {
	if len(cpus) == 0 {
		return CPU{}, false, false
	}
	c, alike = cpus[0], true
	for _, d := range cpus[1:] {
		if d.Arch != c.Arch {
			return CPU{}, false, false
		}
		c.Flags = c.Flags.Intersect(d.Flags)
		if d.Vendor != c.Vendor {
			c.Vendor, alike = "", false
		}
		if d.Family != c.Family || d.Model != c.Model {
			c.Family, c.Model = 0, 0
		}
		if d.Implementer != c.Implementer || d.Part != c.Part {
			// Another core, maybe of the same maker: its own name helps no more.
			c.Implementer, c.Part, alike = 0, 0, false
		}
	}
	return c, alike, true
}

// maximal is the rule for CPUs that share no name; nil where nothing may be
// asked for.
func maximal(f Set, l Limits, level string, cpus []CPU) *Arch {
	var maxima []*Arch
	for i := range archs {
		a := &archs[i]
		// A name for certain models only stands for no mixture of CPUs, and an
		// aarch64 core's name for none that has no such core.
		if len(a.models) > 0 || !a.hard.SubsetOf(f) || l.allows(a) != "" ||
			(a.implementer != 0 && !slices.ContainsFunc(cpus, a.isCore)) {
			continue
		}
		dominated := false
		kept := maxima[:0]
		for _, m := range maxima {
			above := a.hard.SubsetOf(m.hard)
			if above && (!m.hard.SubsetOf(a.hard) || m.order < a.order) {
				dominated = true
			}
			if dominated || !m.hard.SubsetOf(a.hard) {
				kept = append(kept, m)
			}
		}
		maxima = kept
		if !dominated {
			maxima = append(maxima, a)
		}
	}
	switch len(maxima) {
	case 0:
		return nil
	case 1:
		return maxima[0]
	}
	return cautious(f, l, level)
}

// cautious goes down from the level: the CPU that a level is tuned as, then
// the level itself.
func cautious(f Set, l Limits, level string) *Arch {
	for i := len(levelNames) - 1; i >= 0; i-- {
		lv := archByID[levelNames[i]]
		if !lv.hard.SubsetOf(f) {
			continue
		}
		if named := archByID[lv.Tune]; named != nil && named.hard.SubsetOf(f) && l.allows(named) == "" {
			return named
		}
		if l.allows(lv) == "" {
			return lv
		}
	}
	return nil
}
