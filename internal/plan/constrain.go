package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/text"
)

// constrain takes the best arch for which there are enough nodes, and keeps the
// job to the nodes that can run it.
func (ch *choice) constrain() error {
	need, cpus, must := ch.asked.LeastNodes(), ch.asked.LeastCPUs(), listed(ch.opts)
	if ch.allowed != nil && !slices.Contains(ch.allowed, Generic) && len(unknown(ch.spots)) == len(ch.spots) {
		return ch.noneKnown()
	}
	var passed []string
	for _, a := range ch.candidates() {
		var can, cannot []*spot
		have := 0
		for _, s := range ch.spots {
			if a == Generic || s.canRun(a) {
				can, have = append(can, s), have+len(s.Nodes)*max(s.CPUs, 1)
			} else {
				cannot = append(cannot, s)
			}
		}
		switch {
		case slices.ContainsFunc(cannot, func(s *spot) bool { return must.any(s.Nodes) }):
			passed = append(passed, a+" (not for all of slurm.nodelist)")
			continue
		case count(can) < need:
			passed = append(passed, fmt.Sprintf("%s (%s of %d)", a, text.Plural(count(can), "node"), need))
			continue
		case have < cpus:
			passed = append(passed, fmt.Sprintf("%s (%d CPUs of %d)", a, have, cpus))
			continue
		}
		if len(passed) > 0 {
			ch.note("passed over, as too few nodes can run them: %s", strings.Join(passed, ", "))
		}
		ch.keepTo(a, can, cannot)
		ch.why[a] = fmt.Sprintf("the best for which there are enough nodes (%d, the job needs %d)", count(can), need)
		if a == Generic {
			ch.why[a] = "no arch is known to run on as many nodes as the job needs"
		}
		return nil
	}
	if ch.allowed == nil {
		return fault.New(fmt.Sprintf("the job needs more than the eligible nodes have: %s", strings.Join(passed, ", ")), "ask for fewer nodes or tasks")
	}
	return fault.New(fmt.Sprintf("strategy constrain: too few nodes can run what optimize.arch names: %s", strings.Join(passed, ", ")),
		"ask for fewer nodes, use arch: auto, or add generic to the list")
}

// candidates is the arches to try, best first: those named; or those that are
// best for some class, then what serves mixtures of them.
func (ch *choice) candidates() []string {
	if ch.allowed != nil {
		return ch.allowed
	}
	archs := []string{Generic}
	var cpus []cpuflags.CPU
	for _, s := range ch.spots {
		if s.Known != nil && s.best.Arch != "" {
			archs, cpus = append(archs, s.best.Arch), append(cpus, s.Known.CPU)
		}
	}
	if c := ch.bestCommon(cpus); c != "" {
		archs = append(archs, c)
	}
	slices.Sort(archs)
	return cpuflags.Rank(slices.Compact(archs))
}

// keepTo adds to the options what keeps the job to the classes that can run its
// build: a constraint where active features say exactly that, joined to the
// user's own by &, else --exclude.
func (ch *choice) keepTo(arch string, can, cannot []*spot) {
	for _, s := range can {
		s.want = arch
	}
	if len(cannot) == 0 {
		return
	}
	by, note := "exclude", ""
	user, _ := ch.opts.Get("constraint")
	if expr, ok := joinConstraint(user, featureExpr(can, cannot, ch.all)); ok {
		by = "constraint"
		ch.opts, note = ch.opts.Set("constraint", expr), "--constraint="+expr
	} else {
		ch.opts, note = exclude(ch.opts, cannot)
	}
	ch.note("%s keeps the job to the nodes that can run its build", note)
	for _, s := range cannot {
		s.out = "kept off by --" + by + ": nothing is known of this CPU"
		if s.Known != nil {
			hard, _ := cpuflags.Missing(s.Known.CPU.Flags, arch)
			s.out = fmt.Sprintf("kept off by --%s: lacks %s", by, strings.Join(hard, " "))
		}
	}
}
