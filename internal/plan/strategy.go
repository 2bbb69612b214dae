package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Generic is the build without -march.
const Generic = cpuflags.Generic

// spot is a class of nodes on its way through the decision.
type spot struct {
	cluster.Class
	best cpuflags.Choice // the best that the pin can make for it; zero where nothing is known
	want string          // the build that its nodes will run; "" for none
	out  string          // why the job is kept off it; "" where it is not
}

// canRun reports whether the class's nodes are known to run a build.
func (s *spot) canRun(arch string) bool {
	if s.Known == nil || s.best.Level == "" {
		return false
	}
	return cpuflags.CanRun(s.Known.CPU.Flags, arch)
}

// choice is what is decided about builds.
type choice struct {
	in      Input
	limits  cpuflags.Limits
	opts    sbatch.Options // as they are when the job is submitted
	asked   resources.Request
	all     []*spot
	spots   []*spot  // those that the job is not kept off
	allowed []string // the arches that the job file names, best first; nil for "auto"
	also    []string // arches to be built whatever the classes want
	why     map[string]string
	builds  []Build
	notes   []string
}

// choose picks the builds and says for every class which of them it will run.
func choose(in Input, opts sbatch.Options, asked resources.Request) (*choice, error) {
	ch := &choice{in: in, limits: limitsOf(in), opts: opts, asked: asked, why: map[string]string{}}
	for _, c := range in.Classes {
		s := &spot{Class: c}
		if c.Known != nil {
			s.best = ch.named(cpuflags.Best(c.Known.CPU, ch.limits), c.Known.CPU.Flags)
		}
		ch.all = append(ch.all, s)
	}
	if err := ch.keepHome(); err != nil {
		return nil, err
	}
	if err := ch.nameArches(); err != nil {
		return nil, err
	}
	var err error
	switch strategy := in.Spec.Optimize.Strategy; {
	case !optimises(in):
		ch.plain()
	case strategy == "common":
		err = ch.common()
	case strategy == "constrain":
		err = ch.constrain()
	default:
		err = ch.dispatch()
	}
	if err != nil {
		return nil, err
	}
	if n := count(unknown(ch.all)); n > 0 && optimises(in) {
		ch.note("nothing is known of the CPUs of %s: nixbatch nodes --probe asks them", text.Plural(n, "node"))
	}
	ch.describe()
	return ch, nil
}

func (ch *choice) note(format string, args ...any) {
	ch.notes = append(ch.notes, fmt.Sprintf(format, args...))
}

// optimises reports whether an arch could change any build.
func optimises(in Input) bool {
	o := in.Spec.Optimize
	return (len(o.Packages) > 0 || o.Config != "") && !slices.Equal(o.Arch, []string{Generic})
}

// limitsOf is what can be built: whole names only by a compiler that is no GCC,
// and where an option of the package set is told the name.
func limitsOf(in Input) cpuflags.Limits {
	info := in.Info
	l := cpuflags.Limits{GCC: info.GCC, Whole: info.GCC == "" || in.Spec.Optimize.Config != ""}
	if info.Arches != nil {
		known := map[string]bool{}
		for _, a := range info.Arches {
			known[a] = true
		}
		l.Known = func(a string) bool { return known[a] }
	}
	return l
}

func isLevel(a cpuflags.Arch) bool { return a.Vendor == "" && a.Machine == cpuflags.X86 }

// named puts the name of a CPU in the place of a level where an option of the
// package set is told the arch: NixOS-QChem hands it to -mtune too, where GCC
// refuses levels. It is the CPU that brought the level, if f can run that; else
// the next lower one's.
func (ch *choice) named(c cpuflags.Choice, f cpuflags.Set) cpuflags.Choice {
	a, ok := cpuflags.LookupArch(c.Arch)
	if ch.in.Spec.Optimize.Config == "" || !ok || !isLevel(a) {
		return c
	}
	c.Arch = Generic
	for _, level := range []string{"x86-64-v4", "x86-64-v3", "x86-64-v2"} {
		l, _ := cpuflags.LookupArch(level)
		if cpuflags.CanRun(a.Requires, level) && cpuflags.CanRun(f, l.Tune) && ch.limits.Refuses(l.Tune) == "" {
			c.Arch = l.Tune
			break
		}
	}
	_, c.SoftMissing = cpuflags.Missing(f, c.Arch)
	return c
}

// bestCommon is the best arch that all CPUs can run; "" if there is none.
func (ch *choice) bestCommon(cpus []cpuflags.CPU) string {
	if len(cpus) == 0 {
		return ""
	}
	shared := cpus[0].Flags
	for _, c := range cpus[1:] {
		shared = shared.Intersect(c.Flags)
	}
	return ch.named(cpuflags.BestCommon(cpus, ch.limits), shared).Arch
}

// nameArches checks the arches that the job file names.
func (ch *choice) nameArches() error {
	names := ch.in.Spec.Optimize.Arch
	if len(names) == 0 || slices.Equal(names, []string{"auto"}) {
		return nil
	}
	for _, n := range names {
		if n == Generic {
			continue
		}
		b, _ := cpuflags.ParseBuild(n)
		a, ok := b.Arch()
		if !ok {
			return fault.New(fmt.Sprintf("optimize.arch: %q is not an architecture", n), "nixbatch cpu lists those of this machine's vendor")
		}
		if a.Machine != machine(ch.in.System) {
			return fault.New(fmt.Sprintf("optimize.arch: %s is for %s, and this machine builds for %s", n, a.Machine, ch.in.System),
				"submit from a machine of that kind")
		}
		if ch.in.Spec.Optimize.Config != "" && isLevel(a) {
			return fault.New(fmt.Sprintf("optimize.arch: %s is a level, and what sets optimize.config may hand it to -mtune, where GCC refuses levels", n),
				"name the CPU: "+a.Tune)
		}
		if why := ch.limits.Refuses(n); why != "" {
			return fault.New(fmt.Sprintf("optimize.arch: %s: %s", n, why), "choose another arch, or a newer nixpkgs")
		}
	}
	ch.allowed = cpuflags.Rank(names)
	return nil
}

// plain is the build of a job that optimises nothing.
func (ch *choice) plain() {
	ch.why[Generic] = "the job file names nothing to optimise"
	if slices.Equal(ch.in.Spec.Optimize.Arch, []string{Generic}) {
		ch.why[Generic] = "asked for by the job file"
	}
	for _, s := range ch.spots {
		s.want = Generic
	}
}

// common takes the best arch that all nodes can run.
func (ch *choice) common() error {
	arch, why := "", "the best that every eligible node can run"
	var cpus []cpuflags.CPU
	for _, s := range ch.spots {
		if s.Known != nil {
			cpus = append(cpus, s.Known.CPU)
		}
	}
	switch blind := len(cpus) < len(ch.spots); {
	case blind && (ch.allowed == nil || slices.Contains(ch.allowed, Generic)):
		arch = Generic
		why = "nothing is known of the CPUs of some nodes, so only the generic build is sure to run on all"
	case blind:
		return ch.noneKnown()
	case ch.allowed == nil:
		arch = ch.bestCommon(cpus)
	default:
		for _, a := range ch.allowed {
			if !slices.ContainsFunc(ch.spots, func(s *spot) bool { return !s.canRun(a) }) {
				arch = a
				break
			}
		}
	}
	if arch == "" {
		return ch.noneRuns("use strategy: dispatch, arch: auto, or add generic to the list")
	}
	ch.why[arch] = why
	for _, s := range ch.spots {
		s.want = arch
	}
	return nil
}

// noneKnown refuses named arches where it is not known who can run them.
func (ch *choice) noneKnown() error {
	return fault.New(fmt.Sprintf("optimize.arch: whether %s can run %s is not known", hosts(unknown(ch.spots)), strings.Join(ch.allowed, ", ")),
		"nixbatch nodes --probe asks them; or add generic to the list")
}

// noneRuns refuses arches that no node, or not every node, can run; it names
// the nodes and what they lack.
func (ch *choice) noneRuns(way string) error {
	archs := ch.allowed
	if archs == nil {
		archs = []string{"x86-64"}
	}
	return fault.New(fmt.Sprintf("optimize.arch: no build of %s can run on %s", strings.Join(archs, ", "), lacking(ch.spots, archs)), way)
}

// lacking names the classes that cannot run the least demanding of archs, and
// the flags they lack.
func lacking(spots []*spot, archs []string) string {
	weakest := archs[len(archs)-1]
	byFlags := map[string][]*spot{}
	for _, s := range spots {
		if s.Known != nil && !s.canRun(weakest) {
			hard, _ := cpuflags.Missing(s.Known.CPU.Flags, weakest)
			key := strings.Join(hard, " ")
			byFlags[key] = append(byFlags[key], s)
		}
	}
	var parts []string
	for _, flags := range sortedKeys(byFlags) {
		parts = append(parts, fmt.Sprintf("%s (%s lacks %s)", hosts(byFlags[flags]), cpuNames(byFlags[flags]), flags))
	}
	slices.Sort(parts)
	const most = 4
	if len(parts) > most {
		parts = append(parts[:most], fmt.Sprintf("and %d more kinds of nodes", len(parts)-most))
	}
	if len(parts) == 0 {
		return "all nodes together"
	}
	return strings.Join(parts, ", ")
}

func cpuNames(spots []*spot) string {
	var names []string
	for _, s := range spots {
		names = append(names, s.Known.CPU.Name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

func hosts(spots []*spot) string {
	var names []string
	for _, s := range spots {
		names = append(names, s.Nodes...)
	}
	return hostlist.Compress(names)
}

func count(spots []*spot) (n int) {
	for _, s := range spots {
		n += len(s.Nodes)
	}
	return n
}

// kept is the classes that the job is not kept off.
func (ch *choice) kept() (out []cluster.Class) {
	for _, s := range ch.spots {
		if s.out == "" {
			out = append(out, s.Class)
		}
	}
	return out
}

func unknown(spots []*spot) (out []*spot) {
	for _, s := range spots {
		if s.Known == nil {
			out = append(out, s)
		}
	}
	return out
}
