package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/slurm"
)

// Generic is the build without -march.
const Generic = "generic"

// choice is what is decided about builds.
type choice struct {
	builds  []Build
	classes []Class
	notes   []string
	slurm   slurm.Options // nil: as in the job file
}

// choose picks the builds and says for every class which of them it will run.
func choose(in Input) (choice, error) {
	limits := limitsOf(in.Info)
	var ch choice
	want := make([]string, len(in.Classes)) // the arch that serves each class; "" if none can
	best := make([]cpuflags.Choice, len(in.Classes))
	unknown := 0
	for i, c := range in.Classes {
		if c.Known == nil {
			unknown++
			continue
		}
		best[i] = cpuflags.Best(c.Known.CPU, limits)
	}
	allowed, notes, err := allowedArchs(in, limits)
	if err != nil {
		return ch, err
	}
	ch.notes = notes
	why := map[string]string{}
	switch {
	case !optimises(in):
		fill(want, Generic)
		why[Generic] = "the job file names nothing to optimise"
		if slices.Equal(in.Spec.Optimize.Arch, []string{Generic}) {
			why[Generic] = "asked for by the job file"
		}
	case in.Spec.Optimize.Strategy == "common":
		a := common(in.Classes, allowed, limits, unknown)
		fill(want, a)
		why[a] = "the best that every eligible node can run"
		if unknown > 0 {
			why[a] = "nothing is known of the CPUs of some nodes, so only the generic build is sure to run on all"
		}
	case in.Spec.Optimize.Strategy == "constrain":
		if err := constrain(in, &ch, best, allowed, want, why); err != nil {
			return ch, err
		}
	default:
		dispatch(in, &ch, best, allowed, want, why)
	}
	if unknown > 0 && optimises(in) {
		ch.notes = append(ch.notes, fmt.Sprintf("nothing is known of the CPUs of %s: nixbatch nodes --probe asks them",
			plural(countUnknown(in.Classes), "node")))
	}
	if slices.Max(append([]string{""}, want...)) == "" {
		return ch, noneCanRun(in, allowed)
	}
	ch.describe(in, best, want, why, limits)
	return ch, nil
}

func fill(s []string, v string) {
	for i := range s {
		s[i] = v
	}
}

// optimises reports whether an arch could change any build.
func optimises(in Input) bool {
	o := in.Spec.Optimize
	return (len(o.Packages) > 0 || o.Config != "") && !slices.Equal(o.Arch, []string{Generic})
}

func limitsOf(info nixInfo) cpuflags.Limits {
	l := cpuflags.Limits{GCC: info.GCC}
	if info.Arches != nil {
		known := map[string]bool{}
		for _, a := range info.Arches {
			known[a] = true
		}
		l.Known = func(a string) bool { return known[a] }
	}
	return l
}

// allowedArchs is the arches that the job file names, checked; nil for "auto".
func allowedArchs(in Input, limits cpuflags.Limits) (allowed, notes []string, err error) {
	names := in.Spec.Optimize.Arch
	if len(names) == 0 || slices.Equal(names, []string{"auto"}) {
		return nil, nil, nil
	}
	for _, n := range names {
		if n == Generic {
			allowed = append(allowed, n)
			continue
		}
		if _, ok := cpuflags.LookupArch(n); !ok {
			return nil, nil, &Error{fmt.Sprintf("optimize.arch: %q is not an architecture", n), "nixbatch cpu lists those of this machine's vendor"}
		}
		if why := limits.Refuses(n); why != "" {
			return nil, nil, &Error{fmt.Sprintf("optimize.arch: %s: %s", n, why), "choose another arch, or a newer nixpkgs"}
		}
		allowed = append(allowed, n)
	}
	return cpuflags.Rank(allowed), nil, nil
}

// firstRunnable is the first of the archs (best first) that flags can run.
func firstRunnable(c cpuflags.CPU, archs []string) string {
	for _, a := range archs {
		if a == Generic || cpuflags.CanRun(c.Flags, a) {
			return a
		}
	}
	return ""
}

// dispatch gives every class the best build for it, and merges builds where a
// second one would serve no node better.
func dispatch(in Input, ch *choice, best []cpuflags.Choice, allowed, want []string, why map[string]string) {
	for i, c := range in.Classes {
		switch {
		case c.Known == nil && (allowed == nil || slices.Contains(allowed, Generic)):
			want[i] = Generic
			why[Generic] = "for the nodes of which nothing is known"
		case c.Known == nil:
			// The node decides among the named ones; the weakest is the likeliest.
			want[i] = allowed[len(allowed)-1]
		case allowed == nil:
			want[i] = best[i].Arch
		default:
			want[i] = firstRunnable(c.Known.CPU, allowed)
			if want[i] == "" {
				ch.notes = append(ch.notes, fmt.Sprintf("none of %s can run on %s: a task that lands there stops before its payload",
					strings.Join(allowed, ", "), c.Hosts()))
			}
		}
	}
	if allowed == nil {
		for _, m := range merge(in.Classes, want) {
			ch.notes = append(ch.notes, m)
		}
	}
	for i := range want {
		if want[i] != "" && why[want[i]] == "" {
			why[want[i]] = "the best for " + nodesWith(in, want, want[i])
		}
	}
}

func nodesWith(in Input, want []string, arch string) string {
	var names []string
	for i, c := range in.Classes {
		if want[i] == arch {
			names = append(names, c.Nodes...)
		}
	}
	if in.Local {
		return "this machine"
	}
	return slurm.CompressHosts(names)
}

// NoGain is the flags that a compiler's numerical code does not gain from:
// cryptography, random numbers, carry-less products, cache and memory hints,
// 8- and 16-bit integer vectors, tile and state instructions. A build that adds
// nothing but these serves no node better.
var NoGain = cpuflags.NewSet(
	"adx", "aes", "amx_bf16", "amx_int8", "amx_tile", "avx512_bf16", "avx512_bitalg", "avx512_vnni",
	"avx512_vp2intersect", "avx512_vpopcntdq", "avx_vnni", "cldemote", "clflushopt", "clwb", "clzero",
	"gfni", "movdir64b", "movdiri", "pclmulqdq", "prefetchi", "prefetchw", "rdpid", "rdrand", "rdseed",
	"serialize", "sha", "sse4a", "vaes", "vpclmulqdq", "waitpkg", "wbnoinvd", "xsave", "xsavec", "xsaveopt",
).Union(cpuflags.Soft())

// merge replaces a class's arch by another class's, of the same vendor, that
// its nodes can run and over which its own adds nothing but NoGain flags. It
// works from the most demanding arch down, so that chains end in one.
func merge(classes []cluster.Class, want []string) (notes []string) {
	distinct := cpuflags.Rank(slices.Compact(slices.Sorted(slices.Values(want))))
	for _, high := range distinct {
		for j := len(distinct) - 1; j >= 0; j-- {
			low := distinct[j]
			if low == high || !slices.Contains(want, low) || !slices.Contains(want, high) || !servesAsWell(low, high) {
				continue
			}
			var moved []string
			for i, c := range classes {
				if want[i] == high && c.Known != nil && cpuflags.CanRun(c.Known.CPU.Flags, low) {
					want[i] = low
					moved = append(moved, c.Nodes...)
				}
			}
			if len(moved) > 0 {
				notes = append(notes, fmt.Sprintf("%s merged into %s for %s: %s adds only %s, which numerical code does not gain from",
					high, low, slurm.CompressHosts(moved), high, strings.Join(added(low, high).Sorted(), " ")))
				break
			}
		}
	}
	return notes
}

func added(low, high string) cpuflags.Set {
	l, _ := cpuflags.LookupArch(low)
	h, _ := cpuflags.LookupArch(high)
	return h.Requires.Without(l.Requires).Without(cpuflags.Soft())
}

func servesAsWell(low, high string) bool {
	l, ok := cpuflags.LookupArch(low)
	h, ok2 := cpuflags.LookupArch(high)
	return ok && ok2 && l.Vendor == h.Vendor && l.Level == h.Level && added(low, high).SubsetOf(NoGain)
}

// common is the one arch that all nodes can run.
func common(classes []cluster.Class, allowed []string, limits cpuflags.Limits, unknown int) string {
	if unknown > 0 {
		if allowed == nil || slices.Contains(allowed, Generic) {
			return Generic
		}
		return ""
	}
	var cpus []cpuflags.CPU
	for _, c := range classes {
		cpus = append(cpus, c.Known.CPU)
	}
	if allowed == nil {
		return cpuflags.BestCommon(cpus, limits).Arch
	}
	for _, a := range allowed {
		if !slices.ContainsFunc(cpus, func(c cpuflags.CPU) bool { return firstRunnable(c, []string{a}) == "" }) {
			return a
		}
	}
	return ""
}

func noneCanRun(in Input, allowed []string) error {
	if len(in.Classes) == 1 && in.Classes[0].Known != nil && len(allowed) > 0 {
		hard, _ := cpuflags.Missing(in.Classes[0].Known.CPU.Flags, allowed[len(allowed)-1])
		return &Error{fmt.Sprintf("no build of optimize.arch (%s) can run on %s (%s): %s needs %s", strings.Join(allowed, ", "),
			in.Classes[0].Hosts(), in.Classes[0].Known.CPU.Name, allowed[len(allowed)-1], strings.Join(hard, " ")), "use arch: auto, or add generic to the list"}
	}
	return &Error{fmt.Sprintf("no build of optimize.arch (%s) can run on every node that the job may land on", strings.Join(allowed, ", ")),
		"use arch: auto, add generic to the list, or use strategy: dispatch"}
}

func countUnknown(classes []cluster.Class) (n int) {
	for _, c := range classes {
		if c.Known == nil {
			n += len(c.Nodes)
		}
	}
	return n
}
