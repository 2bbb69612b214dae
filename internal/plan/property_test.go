package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/slurm"
)

// drawClasses makes up a cluster: CPUs from the saved ones, features at random,
// some of them not active.
func drawClasses(t *rapid.T, tb testing.TB, names []string) []cluster.Class {
	n := rapid.IntRange(1, 6).Draw(t, "classes")
	var out []cluster.Class
	for i := range n {
		c := cluster.Class{Sockets: 1, Cores: 8, Threads: 1, CPUs: 8, MemoryMiB: 1000}
		for k := range rapid.IntRange(1, 3).Draw(t, "nodes") {
			c.Nodes = append(c.Nodes, fmt.Sprintf("c%dn%d", i, k))
		}
		for _, f := range []string{"a", "b", "c", "d"} {
			switch rapid.IntRange(0, 3).Draw(t, "feature "+f) {
			case 0, 1:
				c.Features, c.Active = append(c.Features, f), append(c.Active, f)
			case 2:
				c.Features = append(c.Features, f)
			}
		}
		if name := rapid.SampledFrom(append(names, "?")).Draw(t, "cpu"); name != "?" {
			c.Known = &cluster.Known{CPU: cpu(tb, name), From: "job"}
		}
		out = append(out, c)
	}
	return out
}

// x86Names are the saved x86-64 CPUs.
func x86Names(t testing.TB) []string {
	return slices.DeleteFunc(cpuNames(t), func(n string) bool { return cpu(t, n).Arch != cpuflags.X86 })
}

// A class whose CPU is known gets a build that it can run, or none with a
// reason; and it is the build that the node takes: the first that it can run.
func TestBuildsCanRun(t *testing.T) {
	names := cpuNames(t)
	rapid.Check(t, func(rt *rapid.T) {
		strategy := rapid.SampledFrom([]string{"dispatch", "constrain", "common"}).Draw(rt, "strategy")
		arch := rapid.SampledFrom([]string{"auto", "[haswell, znver3]", "[generic, x86-64-v3]", "nehalem"}).Draw(rt, "arch")
		gcc := rapid.SampledFrom([]string{"", "12.2.0", "9.3.0", "14.2.0"}).Draw(rt, "gcc")
		what := rapid.SampledFrom([]string{"packages: [rhf]", "config: qchem-config.optArch"}).Draw(rt, "what")
		in := input(t, job(t, what+"; strategy: "+strategy+"; arch: "+arch, ""), drawClasses(rt, t, names))
		in.Info.GCC = gcc
		p, err := plan.Make(in)
		if err != nil {
			return // refusals are in the tables
		}
		archs := p.Archs()
		used := map[string]bool{}
		for i, c := range p.Classes {
			used[c.Build] = true
			if c.Why == "" {
				rt.Fatalf("%s: no reason", c.Nodes)
			}
			known := in.Classes[i].Known
			if known == nil || c.Build == "" {
				continue
			}
			if known.CPU.Arch != cpuflags.X86 {
				rt.Fatalf("%s (%s) gets %s", c.Nodes, known.CPU.Arch, c.Build)
			}
			takes := archs[slices.IndexFunc(archs, func(a string) bool { return cpuflags.CanRun(known.CPU.Flags, a) })]
			if takes != c.Build {
				rt.Fatalf("%s (%s): the plan says %s, the node takes %s of %v", c.Nodes, known.CPU.Name, c.Build, takes, archs)
			}
		}
		for _, b := range p.Builds {
			if b.Tune != "" && strings.HasPrefix(b.Tune, "x86-64") || strings.HasPrefix(what, "config") && strings.HasPrefix(b.Arch, "x86-64") {
				rt.Fatalf("%s: -mtune=%s", b.Arch, b.Tune)
			}
			if !used[b.Arch] && !strings.Contains(b.Why, "nothing is known") {
				rt.Fatalf("the %s build serves no class", b.Arch)
			}
			if b.NoTests == cpuflags.CanRun(in.Builder.Flags, b.Arch) {
				rt.Fatalf("%s: tests off: %v", b.Arch, b.NoTests)
			}
		}
	})
}

// A build that was merged loses nothing but flags without gain, and no level;
// and no two builds are left of which one would do.
func TestMerging(t *testing.T) {
	names := x86Names(t)
	rapid.Check(t, func(rt *rapid.T) {
		in := input(t, job(t, "packages: [rhf]", ""), drawClasses(rt, t, names))
		p, err := plan.Make(in)
		if err != nil {
			rt.Fatal(err)
		}
		for i, c := range p.Classes {
			if in.Classes[i].Known == nil || c.Build == c.Best || c.Build == "" {
				continue
			}
			got, _ := cpuflags.ParseBuild(c.Build)
			best, _ := cpuflags.ParseBuild(c.Best)
			if lost := best.Flags().Without(got.Flags()); got.Level() != best.Level() || !lost.SubsetOf(plan.NoGain) {
				rt.Fatalf("%s (%s): %s in place of %s loses %s", c.Nodes, c.CPU, c.Build, c.Best, lost)
			}
		}
	})
}

// The options that constrain writes admit exactly the nodes that it means,
// evaluated by the same matcher that is compared with Slurm, and ask for no
// feature that is not active.
func TestConstrainKeepsTo(t *testing.T) {
	names := cpuNames(t)
	rapid.Check(t, func(rt *rapid.T) {
		user := rapid.SampledFrom([]string{"", "a", "a|b", "a&b", "(a|b)&c", "(a&b)|c", "[a|b]"}).Draw(rt, "user")
		options := fmt.Sprintf("nodes: %d", rapid.IntRange(1, 4).Draw(rt, "nodes"))
		if user != "" {
			options += "; constraint: '" + user + "'"
		}
		s := job(t, "packages: [rhf]; strategy: constrain", options)
		var nodes []slurm.Node
		all := drawClasses(rt, t, names)
		for _, c := range all {
			for _, n := range c.Nodes {
				nodes = append(nodes, slurm.Node{Name: n, Partitions: []string{"main"}, Features: c.Features, Active: c.Active})
			}
		}
		before, err := cluster.Eligible(nodes, cluster.PlaceOf(s.Slurm), "main")
		if err != nil {
			return
		}
		eligible := map[string]bool{}
		for _, n := range before {
			eligible[n.Name] = true
		}
		all = slices.DeleteFunc(all, func(c cluster.Class) bool { return !eligible[c.Nodes[0]] })
		p, err := plan.Make(input(t, s, all))
		if err != nil {
			return
		}
		after, err := cluster.Eligible(nodes, cluster.PlaceOf(p.Slurm), "main")
		if err != nil {
			rt.Fatal(err)
		}
		admitted := map[string]bool{}
		for _, n := range after {
			admitted[n.Name] = true
		}
		expr, _ := p.Slurm.Get("constraint")
		added := ""
		if expr != user {
			added = strings.TrimPrefix(strings.TrimPrefix(expr, "("+user+")&"), user+"&")
		}
		for i, c := range p.Classes {
			for _, n := range all[i].Nodes {
				if admitted[n] != (c.Build != "") {
					rt.Fatalf("%s: admitted %v, build %q, options %v", n, admitted[n], c.Build, p.Slurm)
				}
			}
			for _, f := range all[i].Features {
				if strings.Contains(added, f) && !slices.Contains(all[i].Active, f) {
					rt.Fatalf("%q asks for %s, which is not active on %s", expr, f, c.Nodes)
				}
			}
		}
		n := 0
		for _, o := range p.Slurm {
			if o.Name == "constraint" {
				n++
			}
		}
		if n > 1 {
			rt.Fatalf("%d constraints", n)
		}
	})
}
