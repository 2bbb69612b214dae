package plan

import (
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
)

// describe turns the decision into the plan's builds.
func (ch *choice) describe() {
	for _, a := range ch.wanted() {
		b := Build{Arch: a, Why: ch.why[a]}
		if build, ok := cpuflags.ParseBuild(a); ok && a != Generic {
			b.Tune = ch.tune(a)
			if !ch.limits.Whole {
				b.Options = build.Options(ch.limits.GCC)
			}
			if !cpuflags.CanRun(ch.in.Builder.Flags, a) {
				b.NoTests = true
				hard, _ := cpuflags.Missing(ch.in.Builder.Flags, a)
				ch.note("tests of the %s build are off: this machine cannot run it (missing %s)", a, strings.Join(hard, " "))
			}
		}
		ch.builds = append(ch.builds, b)
	}
}

// tune is -mtune of a build: for the CPUs that will run it, where all are known.
// What is told a name by an option tunes for that name.
func (ch *choice) tune(build string) string {
	var cpus []cpuflags.CPU
	for _, s := range ch.spots {
		switch {
		case s.want != build:
		case s.Known == nil || ch.in.Spec.Optimize.Config != "":
			return cpuflags.Tune(build, nil, ch.limits)
		default:
			cpus = append(cpus, s.Known.CPU)
		}
	}
	return cpuflags.Tune(build, cpus, ch.limits)
}

// classes is the classes as the plan tells them, in the order given.
func (ch *choice) classes() []Class {
	var out []Class
	for _, s := range ch.all {
		c := Class{
			Nodes: s.Hosts(), Count: len(s.Nodes), Layout: s.Layout(), Sockets: s.Sockets, CoresSocket: s.Cores, MemoryMiB: s.MemoryMiB,
			CPUs:        s.CPUs,
			ThreadsCore: max(s.Threads, 1), Features: s.Features, Build: s.want, Why: ch.because(s),
		}
		if s.Known != nil {
			c.CPU, c.From = s.Known.CPU.Name, s.Known.From
			c.Level, c.Best = s.best.Level, s.best.Arch
			c.SoftMissing, c.Not = s.best.SoftMissing, s.best.Not
		}
		out = append(out, c)
	}
	return out
}

// because says why a class gets the build that it gets.
func (ch *choice) because(s *spot) string {
	switch {
	case s.out != "":
		return s.out
	case s.Known == nil && len(ch.also) > 1:
		return "nothing is known of this CPU: the node takes the best of the builds that it can run"
	case s.Known == nil:
		return "nothing is known of this CPU"
	case s.want == "":
		return "no build can run here"
	case s.want == Generic && !optimises(ch.in):
		return ch.why[Generic]
	case s.want == s.best.Arch:
		return "the best that this CPU, the compiler and the pin allow"
	case cpuflags.Rank([]string{s.best.Arch, s.want})[0] == s.want:
		return fmt.Sprintf("asks for more than %s, the best of this CPU's own names that the compiler and the pin allow", s.best.Arch)
	}
	return fmt.Sprintf("serves this CPU; its own best is %s", s.best.Arch)
}
