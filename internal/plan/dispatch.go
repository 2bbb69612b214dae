package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
)

// dispatch gives every class the best build for it, and merges builds where a
// second one would serve no node better. On the node the first build of the
// plan that can run there is taken, so that is what the plan says too.
func (ch *choice) dispatch() error {
	for _, s := range ch.spots {
		switch {
		case s.Known == nil && ch.allowed == nil:
			s.want = Generic
			ch.why[Generic] = "for the nodes of which nothing is known"
		case s.Known == nil:
			// The node decides among the named ones; the weakest is the likeliest.
			s.want = ch.allowed[len(ch.allowed)-1]
			ch.also = ch.allowed
		case ch.allowed == nil:
			s.want = s.best.Arch
		default:
			s.want = first(ch.allowed, s.canRun)
		}
	}
	if ch.allowed == nil {
		ch.merge()
	}
	ch.settle()
	var stopped []*spot
	for _, s := range ch.spots {
		if s.want == "" {
			stopped = append(stopped, s)
		}
	}
	if len(stopped) == len(ch.spots) {
		return ch.noneRuns("use arch: auto, or add generic to the list")
	}
	if len(stopped) > 0 {
		archs := ch.allowed
		if archs == nil {
			archs = []string{"x86-64"}
		}
		ch.note("no build can run on %s: a task that lands there stops before its payload; strategy: constrain keeps it off",
			lacking(stopped, archs))
	}
	for _, s := range ch.spots {
		if s.want != "" && ch.why[s.want] == "" {
			ch.why[s.want] = "the best for " + ch.nodesWith(s.want)
		}
	}
	for _, a := range ch.also {
		if ch.why[a] == "" {
			ch.why[a] = "named by the job file, and nothing is known of the CPUs of some nodes"
		}
	}
	return nil
}

func (ch *choice) nodesWith(arch string) string {
	if ch.in.Local {
		return "this machine"
	}
	var some []*spot
	for _, s := range ch.spots {
		if s.want == arch {
			some = append(some, s)
		}
	}
	return hosts(some)
}

// first is the first of the archs for which ok holds; "" if there is none.
func first(archs []string, ok func(string) bool) string {
	if i := slices.IndexFunc(archs, ok); i >= 0 {
		return archs[i]
	}
	return ""
}

// wanted is the arches that some class wants, best first.
func (ch *choice) wanted() []string {
	archs := slices.Clone(ch.also)
	for _, s := range ch.spots {
		if s.want != "" {
			archs = append(archs, s.want)
		}
	}
	slices.Sort(archs)
	return cpuflags.Rank(slices.Compact(archs))
}

// settle says for every known class what its nodes will really take: the first
// of the builds that they can run. A build that no class takes then is dropped.
func (ch *choice) settle() {
	archs := ch.wanted()
	moved := map[string][]*spot{}
	for _, s := range ch.spots {
		if s.Known == nil || s.want == "" {
			continue
		}
		if takes := first(archs, s.canRun); takes != s.want {
			key := s.want + " " + takes
			moved[key] = append(moved[key], s)
			s.want = takes
		}
	}
	left := ch.wanted()
	for _, key := range sortedKeys(moved) {
		from, to, _ := strings.Cut(key, " ")
		if !slices.Contains(left, from) {
			ch.note("%s is not built: %s runs on %s and asks for more", from, to, hosts(moved[key]))
		}
	}
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

// merge lets classes that want one arch take another, lesser one of the same
// vendor that is built in any case, if all of them can run it and theirs adds
// nothing but NoGain flags. It works from the most demanding arch down, and
// goes as far down as it can, so that chains end in one.
func (ch *choice) merge() {
	archs := ch.wanted()
	for i, high := range archs {
		var some []*spot
		for _, s := range ch.spots {
			if s.want == high {
				some = append(some, s)
			}
		}
		for j := len(archs) - 1; j > i; j-- {
			low := archs[j]
			if !servesAsWell(low, high) || slices.ContainsFunc(some, func(s *spot) bool { return !s.canRun(low) }) {
				continue
			}
			for _, s := range some {
				s.want = low
			}
			ch.note("%s merged into %s for %s: %s", high, low, hosts(some), gain(low, high))
			break
		}
	}
}

func gain(low, high string) string {
	flags := added(low, high).Sorted()
	if len(flags) == 0 {
		return "they ask for the same"
	}
	return fmt.Sprintf("%s adds only %s, which numerical code does not gain from", high, strings.Join(flags, " "))
}

func added(low, high string) cpuflags.Set {
	l, _ := cpuflags.ParseBuild(low)
	h, _ := cpuflags.ParseBuild(high)
	return h.Flags().Without(l.Flags())
}

// servesAsWell reports whether low is as good as high for numerical code.
func servesAsWell(low, high string) bool {
	l, _ := cpuflags.ParseBuild(low)
	h, _ := cpuflags.ParseBuild(high)
	a, ok := l.Arch()
	b, ok2 := h.Arch()
	return ok && ok2 && a.Vendor == b.Vendor && l.Level() == h.Level() && added(low, high).SubsetOf(NoGain)
}
