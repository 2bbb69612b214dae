package cpuflags

import "slices"

// BestCommon chooses one build for several CPUs: as Best, over the flags that
// all of them have. CPUs of several vendors have no own names: every vendor's
// are looked at (an aarch64 core's only where there is such a core), but for
// those that stand for certain models.
//
// No CPUs, or CPUs of different architectures, have no common build: Arch "".
func BestCommon(cpus []CPU, l Limits) Choice {
	common, alike, ok := commonCPU(cpus)
	if !ok {
		return Choice{SoftMissing: []string{}, Not: []WhyNot{}}
	}
	if alike {
		return choose(common, l, own(common))
	}
	return choose(common, l, func(a *Arch) bool {
		return len(a.models) == 0 && (a.implementer == 0 || slices.ContainsFunc(cpus, a.isCore))
	})
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
