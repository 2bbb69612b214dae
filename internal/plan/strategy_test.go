package plan_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
)

// three is the cluster of most tests.
var three = []string{"hsw[1-2] haswell haswell,avx2", "skx[1-2] skylake-sp skylake_avx512,avx512", "zen[1-2] zen4 zen4,avx512"}

var strategyTests = []struct {
	name, optimize, options string
	gcc                     string // "" is 14.2.0
	classes                 []string
	want                    string // as short tells it, or "error: …"
	notes                   []string
}{
	// dispatch
	{name: "two vendors, three builds", optimize: "packages: [rhf]", classes: three,
		want: "builds znver4 skylake-avx512 haswell (no tests of znver4); hsw[1-2] haswell; skx[1-2] skylake-avx512; zen[1-2] znver4"},
	{name: "nothing to optimise", classes: three, want: "builds generic; hsw[1-2] generic; skx[1-2] generic; zen[1-2] generic"},
	{name: "generic asked for", optimize: "packages: [rhf]; arch: generic", classes: three,
		want: "builds generic; hsw[1-2] generic; skx[1-2] generic; zen[1-2] generic"},
	{name: "a compiler too old for Zen 4: the node would take the Skylake build, so no other is made", gcc: "12.2.0", optimize: "packages: [rhf]", classes: three,
		want:  "builds skylake-avx512 haswell; hsw[1-2] haswell; skx[1-2] skylake-avx512; zen[1-2] skylake-avx512",
		notes: []string{"x86-64-v4 is not built: skylake-avx512 runs on zen[1-2]"}},
	{name: "one vendor, merged", optimize: "packages: [rhf]",
		classes: []string{"a1 haswell", "b1 broadwell", "c1 skylake", "d1 skylake-sp", "e1 cascadelake", "f1 cooperlake"},
		want:    "builds skylake-avx512 haswell; a1 haswell; b1 haswell; c1 haswell; d1 skylake-avx512; e1 skylake-avx512; f1 skylake-avx512",
		notes: []string{"broadwell merged into haswell for b1: broadwell adds only adx prefetchw", "cooperlake merged into skylake-avx512 for f1",
			"skylake merged into haswell for c1"}},
	{name: "nothing to merge into", optimize: "packages: [rhf]", classes: []string{"e1 cascadelake"}, want: "builds cascadelake (no tests of cascadelake); e1 cascadelake"},
	{name: "Zen generations merge, Intel stays apart", optimize: "packages: [rhf]", classes: []string{"z1 zen1", "z2 zen2", "z3 zen3", "h1 haswell"},
		want: "builds znver1 haswell (no tests of znver1); h1 haswell; z1 znver1; z2 znver1; z3 znver1"},
	{name: "unknown nodes get the generic build", optimize: "packages: [rhf]", classes: []string{"a1 haswell", "b[1-3] ?"},
		want: "builds haswell generic; a1 haswell; b[1-3] generic", notes: []string{"nothing is known of the CPUs of 3 nodes: nixbatch nodes --probe"}},
	{name: "nothing known", optimize: "packages: [rhf]", classes: []string{"b[1-3] ?"}, want: "builds generic; b[1-3] generic"},
	{name: "an unknown vendor gets its level", optimize: "packages: [rhf]", classes: []string{"a1 hygon"}, want: "builds x86-64-v3; a1 x86-64-v3"},
	{name: "and beside a Zen of its generation, that one's", optimize: "packages: [rhf]", classes: []string{"a1 hygon", "b1 zen1"},
		want: "builds znver1 (no tests of znver1); a1 znver1; b1 znver1", notes: []string{"x86-64-v3 is not built: znver1 runs on a1"}},
	{name: "named arches", optimize: "packages: [rhf]; arch: [haswell, znver4]", classes: three,
		want: "builds znver4 haswell (no tests of znver4); hsw[1-2] haswell; skx[1-2] haswell; zen[1-2] znver4"},
	{name: "named arches are not merged", optimize: "packages: [rhf]; arch: [haswell, broadwell]", classes: []string{"a1 haswell", "b1 broadwell"},
		want: "builds broadwell haswell; a1 haswell; b1 broadwell"},
	{name: "named ones that no node takes are not built", optimize: "packages: [rhf]; arch: [haswell, x86-64-v3, nehalem]", classes: three,
		want: "builds haswell; hsw[1-2] haswell; skx[1-2] haswell; zen[1-2] haswell"},
	{name: "named ones and unknown nodes: all of them, for the node to choose", optimize: "packages: [rhf]; arch: [haswell, znver4]", classes: []string{"a1 ?"},
		want: "builds znver4 haswell (no tests of znver4); a1 haswell"},
	{name: "some nodes cannot run what is named", optimize: "packages: [rhf]; arch: [znver4]", classes: three,
		want:  "builds znver4 (no tests of znver4); hsw[1-2] -; skx[1-2] -; zen[1-2] znver4",
		notes: []string{"no build can run on hsw[1-2] (Intel(R) Xeon(R) CPU E5-2680 v3"}},
	{name: "no node can", optimize: "packages: [rhf]; arch: [sapphirerapids]", classes: three,
		want: "error: optimize.arch: no build of sapphirerapids can run on hsw[1-2] (Intel(R) Xeon(R) CPU E5-2680 v3"},
	{name: "the flags are named", optimize: "packages: [rhf]; arch: cascadelake", classes: []string{"skx[1-2] skylake-sp"},
		want: "error: optimize.arch: no build of cascadelake can run on skx[1-2] (Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz lacks avx512_vnni)"},
	{name: "the compiler does not know it", gcc: "12.2.0", optimize: "packages: [rhf]; arch: znver4", classes: three, want: "error: optimize.arch: znver4: needs GCC 12.3"},
	{name: "of another architecture", optimize: "packages: [rhf]; arch: neoverse-n1", classes: three,
		want: "error: optimize.arch: neoverse-n1 is for aarch64, and this machine builds for x86_64-linux"},

	// An option of the package set may become -mtune, where GCC refuses levels.
	{name: "no level for an option", gcc: "12.2.0", optimize: "config: qchem-config.optArch", classes: []string{"a1 zen4"}, want: "builds skylake-avx512; a1 skylake-avx512"},
	{name: "nor for an unknown vendor", optimize: "config: qchem-config.optArch", classes: []string{"a1 hygon"}, want: "builds haswell; a1 haswell"},
	{name: "nor of a virtual machine without AVX", gcc: "4.8.5", optimize: "config: qchem-config.optArch", classes: []string{"a1 kvm64"}, want: "builds generic; a1 generic"},
	{name: "nor in common", optimize: "config: qchem-config.optArch; strategy: common", classes: []string{"a1 hygon", "b1 haswell"}, want: "builds haswell; a1 haswell; b1 haswell"},
	{name: "nor when it is named", optimize: "config: qchem-config.optArch; arch: x86-64-v3", classes: three, want: "error: optimize.arch: x86-64-v3 is a level"},

	// common
	{name: "common of three", optimize: "packages: [rhf]; strategy: common", classes: three, want: "builds haswell; hsw[1-2] haswell; skx[1-2] haswell; zen[1-2] haswell"},
	{name: "common with unknown nodes", optimize: "packages: [rhf]; strategy: common", classes: []string{"a1 haswell", "b1 ?"},
		want: "builds generic; a1 generic; b1 generic"},
	{name: "common, named, with unknown nodes", optimize: "packages: [rhf]; strategy: common; arch: haswell", classes: []string{"a1 haswell", "b1 ?"},
		want: "error: optimize.arch: whether b1 can run haswell is not known"},
	{name: "common, named", optimize: "packages: [rhf]; strategy: common; arch: [znver4, skylake-avx512, nehalem]", classes: three,
		want: "builds nehalem; hsw[1-2] nehalem; skx[1-2] nehalem; zen[1-2] nehalem"},
	{name: "common, none of those named", optimize: "packages: [rhf]; strategy: common; arch: [znver4]", classes: three, want: "error: optimize.arch: no build of znver4 can run on"},
	{name: "common of two vendors' newest is what both have whole", optimize: "packages: [rhf]; strategy: common", classes: []string{"a1 sapphirerapids", "b1 zen4"},
		want: "builds icelake-server (no tests of icelake-server); a1 icelake-server; b1 icelake-server"},
	{name: "and with whole names only, what both have whole", optimize: "config: qchem-config.optArch; strategy: common", classes: []string{"a1 sapphirerapids", "b1 zen4"},
		want: "builds icelake-server (no tests of icelake-server); a1 icelake-server; b1 icelake-server"},
	{name: "a name less flags", optimize: "packages: [rhf]", classes: []string{"a1 sapphirerapids-vm", "b1 haswell"},
		want: "builds sapphirerapids-no-amx_tile haswell (no tests of sapphirerapids-no-amx_tile); a1 sapphirerapids-no-amx_tile; b1 haswell"},
	{name: "a name less flags, named", optimize: "packages: [rhf]; arch: [znver4-no-sse4a, nehalem]", classes: three,
		want: "builds znver4-no-sse4a nehalem (no tests of znver4-no-sse4a); hsw[1-2] nehalem; skx[1-2] nehalem; zen[1-2] znver4-no-sse4a"},
	{name: "where an option takes a name", optimize: "config: qchem-config.optArch", classes: []string{"a1 sapphirerapids-vm"}, want: "builds icelake-server (no tests of icelake-server); a1 icelake-server"},
	{name: "named, where an option takes a name", optimize: "config: qchem-config.optArch; arch: znver4-no-sse4a", classes: three,
		want: "error: optimize.arch: znver4-no-sse4a: only whole names will do here"},

	// constrain
	{name: "constrain to the best", optimize: "packages: [rhf]; strategy: constrain", classes: three,
		want: "builds znver4 (no tests of znver4); hsw[1-2] -; skx[1-2] -; zen[1-2] znver4; constraint=zen4"},
	{name: "too few nodes: the next arch", optimize: "packages: [rhf]; strategy: constrain", options: "nodes: 3", classes: three,
		want:  "builds skylake-avx512; hsw[1-2] -; skx[1-2] skylake-avx512; zen[1-2] skylake-avx512; constraint=avx512",
		notes: []string{"passed over, as too few nodes can run them: znver4 (2 nodes of 3)"}},
	{name: "too few tasks' worth of CPUs", optimize: "packages: [rhf]; strategy: constrain", options: "ntasks: 40", classes: three,
		want:  "builds skylake-avx512; hsw[1-2] -; skx[1-2] skylake-avx512; zen[1-2] skylake-avx512; constraint=avx512",
		notes: []string{"znver4 (32 CPUs of 40)"}},
	{name: "all nodes: no constraint", optimize: "packages: [rhf]; strategy: constrain", options: "nodes: 6", classes: three,
		want: "builds haswell; hsw[1-2] haswell; skx[1-2] haswell; zen[1-2] haswell"},
	{name: "a mixture that only a level serves", optimize: "packages: [rhf]; strategy: constrain", options: "nodes: 2",
		classes: []string{"a1 nehalem", "b1 bulldozer"}, want: "builds nehalem; a1 nehalem; b1 nehalem"},
	{name: "unknown nodes are kept off", optimize: "packages: [rhf]; strategy: constrain", classes: []string{"a1 haswell ib", "b1 ? ib"},
		want: "builds haswell; a1 haswell; b1 -; exclude=b1", notes: []string{"nothing is known of the CPUs of 1 node"}},
	{name: "unless they are needed", optimize: "packages: [rhf]; strategy: constrain", options: "nodes: 2", classes: []string{"a1 haswell ib", "b1 ? ib"},
		want: "builds generic; a1 generic; b1 generic"},
	{name: "merged with the user's own", optimize: "packages: [rhf]; strategy: constrain", options: "constraint: ib",
		classes: []string{"a1 haswell hsw,ib", "b1 zen4 zen,ib"}, want: "builds znver4 (no tests of znver4); a1 -; b1 znver4; constraint=ib&zen"},
	{name: "the user's own alternatives", optimize: "packages: [rhf]; strategy: constrain", options: "constraint: ib|opa",
		classes: []string{"a1 haswell hsw,ib,opa", "b1 zen4 zen,opa"}, want: "builds znver4 (no tests of znver4); a1 -; b1 znver4; constraint=(ib|opa)&zen"},
	{name: "parentheses that need no others", optimize: "packages: [rhf]; strategy: constrain", options: "constraint: (ib|opa)&ssd",
		classes: []string{"a1 haswell hsw,opa,ssd", "b1 zen4 zen,opa,ssd"}, want: "builds znver4 (no tests of znver4); a1 -; b1 znver4; constraint=(ib|opa)&ssd&zen"},
	{name: "parentheses that would nest", optimize: "packages: [rhf]; strategy: constrain", options: "constraint: (ib&ssd)|opa",
		classes: []string{"a1 haswell hsw,opa", "b1 zen4 zen,opa"}, want: "builds znver4 (no tests of znver4); a1 -; b1 znver4; constraint=(ib&ssd)|opa; exclude=a1"},
	{name: "brackets", optimize: "packages: [rhf]; strategy: constrain", options: "constraint: '[ib|opa]'; exclude: c[1-3]",
		classes: []string{"a1 haswell hsw,opa", "b1 zen4 zen,opa"}, want: "builds znver4 (no tests of znver4); a1 -; b1 znver4; constraint=[ib|opa]; exclude=a1,c[1-3]"},
	{name: "several features", optimize: "packages: [rhf]; strategy: constrain", options: "nodes: 3",
		classes: []string{"a1 haswell v3", "b1 zen4 zen", "c[1-2] skylake-sp skx"}, want: "builds skylake-avx512; a1 -; b1 skylake-avx512; c[1-2] skylake-avx512; constraint=(skx|zen)"},
	{name: "no feature tells them apart", optimize: "packages: [rhf]; strategy: constrain", classes: []string{"a[1-2] haswell ib", "b1 zen4 ib"},
		want: "builds znver4 (no tests of znver4); a[1-2] -; b1 znver4; exclude=a[1-2]"},
	{name: "never a feature that is not active", optimize: "packages: [rhf]; strategy: constrain", classes: []string{"a1 haswell hsw", "b1 zen4 (zen),nps4"},
		want: "builds znver4 (no tests of znver4); a1 -; b1 znver4; constraint=nps4"},
	{name: "not even where it is active on some", optimize: "packages: [rhf]; strategy: constrain", classes: []string{"a1 haswell hsw", "b1 zen4 zen", "c1 zen4 (zen)"},
		want: "builds znver4 (no tests of znver4); a1 -; b1 znver4; c1 znver4; exclude=a1"},
	{name: "nor one that nodes kept off could turn on", optimize: "packages: [rhf]; strategy: constrain", classes: []string{"a1 haswell (big)", "b1 zen4 big"},
		want: "builds znver4 (no tests of znver4); a1 -; b1 znver4; exclude=a1"},
	{name: "a feature with a name that a constraint cannot hold", optimize: "packages: [rhf]; strategy: constrain", classes: []string{"a1 haswell ib", "b1 zen4 zen*4"},
		want: "builds znver4 (no tests of znver4); a1 -; b1 znver4; exclude=a1"},
	{name: "all of the node list", optimize: "packages: [rhf]; strategy: constrain", options: "nodelist: hsw1,zen1",
		classes: []string{"hsw1 haswell haswell", "zen1 zen4 zen4"}, want: "builds haswell; hsw1 haswell; zen1 haswell",
		notes: []string{"passed over, as too few nodes can run them: znver4 (not for all of slurm.nodelist)"}},
	{name: "constrain, named", optimize: "packages: [rhf]; strategy: constrain; arch: [haswell, znver5]", classes: three,
		want: "builds haswell; hsw[1-2] haswell; skx[1-2] haswell; zen[1-2] haswell"},
	{name: "constrain, named, too few", optimize: "packages: [rhf]; strategy: constrain; arch: [znver4]", options: "nodes: 4", classes: three,
		want: "error: strategy constrain: too few nodes can run what optimize.arch names: znver4 (2 nodes of 4)"},
	{name: "constrain, named, nothing known", optimize: "packages: [rhf]; strategy: constrain; arch: [znver4]", classes: []string{"a1 ?"},
		want: "error: optimize.arch: whether a1 can run znver4 is not known"},
	{name: "constrain, more than there are", optimize: "packages: [rhf]; strategy: constrain", options: "nodes: 9", classes: three,
		want: "error: slurm: the job needs 9 nodes, and 6 nodes are eligible"},

	// aarch64
	{name: "kept off nodes of another architecture", optimize: "packages: [rhf]", classes: []string{"arm[1-2] grace", "zen1 zen4"},
		want:  "builds znver4 (no tests of znver4); arm[1-2] -; zen1 znver4; exclude=arm[1-2]",
		notes: []string{"--exclude=arm[1-2]: arm[1-2] are aarch64, and this machine builds for x86_64-linux only"}},
	{name: "with nothing to optimise too: generic is no build for them", options: "exclude: x9", classes: []string{"arm1 neoverse-n1", "zen1 zen4"},
		want: "builds generic; arm1 -; zen1 generic; exclude=arm1,x9"},
	{name: "and under common", optimize: "packages: [rhf]; strategy: common", classes: []string{"arm1 a64fx", "hsw1 haswell", "zen1 zen4"},
		want: "builds haswell; arm1 -; hsw1 haswell; zen1 haswell; exclude=arm1"},
	{name: "and under constrain, beside a constraint", optimize: "packages: [rhf]; strategy: constrain", classes: []string{"arm1 a64fx arm", "hsw1 haswell hsw", "zen1 zen4 zen"},
		want: "builds znver4 (no tests of znver4); arm1 -; hsw1 -; zen1 znver4; constraint=zen; exclude=arm1"},
	{name: "nothing else there", classes: []string{"arm[1-2] grace", "fx1 a64fx"},
		want: "error: arm[1-2],fx1 are aarch64, and this machine builds for x86_64-linux only: nothing that it builds runs there"},
	{name: "asked for by name", options: "nodelist: arm1,zen1", classes: []string{"arm1 grace", "zen1 zen4"},
		want: "error: slurm.nodelist: arm1 is aarch64, and this machine builds for x86_64-linux only"},
	{name: "too few others", options: "nodes: 2", classes: []string{"arm[1-4] grace", "zen1 zen4"},
		want: "error: the job needs 2 nodes, and only 1 node can run what is built: arm[1-4] are aarch64"},
}

func TestStrategies(t *testing.T) {
	for _, c := range strategyTests {
		in := input(t, job(t, c.optimize, c.options), classes(t, c.classes...))
		if c.gcc != "" {
			in.Info.GCC = c.gcc
		}
		p, err := plan.Make(in)
		if err != nil {
			var pe *fault.Error
			if !errors.As(err, &pe) || pe.Hint() == "" {
				t.Errorf("%s: an error of type %T, or without a hint", c.name, err)
			}
			if !strings.HasPrefix("error: "+err.Error(), c.want) {
				t.Errorf("%s:\n got error: %v\nwant %s", c.name, err, c.want)
			}
			continue
		}
		if got := short(p); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s\nnotes %q", c.name, got, c.want, p.Notes)
		}
		all := strings.Join(p.Notes, "\n")
		for _, n := range c.notes {
			if !strings.Contains(all, n) {
				t.Errorf("%s: no note %q in\n%s", c.name, n, all)
			}
		}
		for _, cl := range p.Classes {
			if cl.Why == "" {
				t.Errorf("%s: no reason for %s", c.name, cl.Nodes)
			}
		}
	}
}

// The same inputs give the same bytes, and the order of the classes decides
// nothing but the order in which they are told.
func TestDeterministic(t *testing.T) {
	text := func(p *plan.Plan) string {
		q := *p
		q.Classes = slices.Clone(p.Classes)
		slices.SortFunc(q.Classes, func(a, b plan.Class) int { return strings.Compare(a.Nodes, b.Nodes) })
		b, err := json.MarshalIndent(q, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, c := range strategyTests {
		in := input(t, job(t, c.optimize, c.options), classes(t, c.classes...))
		first, firstErr := plan.Make(in)
		for seed := range uint64(5) {
			again := input(t, job(t, c.optimize, c.options), classes(t, c.classes...))
			r := rand.New(rand.NewPCG(seed, 1))
			r.Shuffle(len(again.Classes), func(i, j int) {
				again.Classes[i], again.Classes[j] = again.Classes[j], again.Classes[i]
			})
			p, err := plan.Make(again)
			switch {
			case firstErr != nil:
				if err == nil || err.Error() != firstErr.Error() {
					t.Errorf("%s: %v, then %v", c.name, firstErr, err)
				}
			case text(p) != text(first):
				t.Errorf("%s: another plan after shuffling:\n%s\n%s", c.name, text(p), text(first))
			}
		}
	}
}

// What the user said about nodes stays, and a --local run leaves Slurm's
// options alone.
func TestLocal(t *testing.T) {
	in := input(t, job(t, "packages: [rhf]; strategy: constrain", "partition: main"), classes(t, "here skylake-sp"))
	in.Local = true
	p, err := plan.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if got := short(p); got != "builds skylake-avx512; here skylake-avx512" || len(p.Slurm) != 1 {
		t.Error(got, p.Slurm)
	}
}
