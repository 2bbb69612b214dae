package plan

import (
	"fmt"
	"slices"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/nix"
)

type nixInfo = nix.PinInfo

// describe turns the decision into the plan's builds and classes.
func (ch *choice) describe(in Input, best []cpuflags.Choice, want []string, why map[string]string, limits cpuflags.Limits) {
	archs := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(want))), func(a string) bool { return a == "" })
	for _, a := range cpuflags.Rank(archs) {
		b := Build{Arch: a, Why: why[a]}
		if arch, ok := cpuflags.LookupArch(a); ok {
			b.Tune = arch.Tune
			if !cpuflags.CanRun(in.Builder.Flags, a) {
				b.NoTests = true
				hard, _ := cpuflags.Missing(in.Builder.Flags, a)
				ch.notes = append(ch.notes, fmt.Sprintf("tests of the %s build are off: this machine cannot run it (missing %s)", a, joined(hard)))
			}
		}
		ch.builds = append(ch.builds, b)
	}
	for i, c := range in.Classes {
		pc := Class{
			Nodes: c.Hosts(), Count: len(c.Nodes), Layout: c.Layout(), MemoryMiB: c.MemoryMiB,
			ThreadsCore: max(c.Threads, 1), Features: c.Features, Build: want[i],
		}
		switch {
		case c.Known == nil:
			pc.Why = "nothing is known of this CPU"
		case want[i] == "":
			pc.Why = "no build can run here"
		case want[i] == best[i].Arch:
			pc.Why = "the best that this CPU, the compiler and the pin allow"
		case want[i] == Generic && !optimises(in):
			pc.Why = why[Generic]
		default:
			pc.Why = fmt.Sprintf("serves this CPU; its own best is %s", best[i].Arch)
		}
		if c.Known != nil {
			pc.CPU, pc.From = c.Known.CPU.Name, c.Known.From
			pc.Level, pc.Best = best[i].Level, best[i].Arch
			pc.SoftMissing, pc.Not = best[i].SoftMissing, best[i].Not
		}
		ch.classes = append(ch.classes, pc)
	}
}

func joined(s []string) string {
	out := ""
	for i, w := range s {
		if i > 0 {
			out += " "
		}
		out += w
	}
	return out
}
