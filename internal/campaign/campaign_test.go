// Package campaign injects faults into nixbatch, many of many kinds, and lets
// reality be the judge: what the real queue of a private Slurm has, and a line
// that every payload writes when it starts and when it ends.
//
// It promises to find, after each fault: a job that is lost (it was accepted, or
// the user was told of it, and its payload never ran although nothing cancelled
// it), a payload that ran more often than it was asked for, a job of somebody
// else's whose state changed, and a sentence of nixbatch's that was untrue. A
// fault whose end it could not see is told apart, and is a failure too.
//
// It never looks into nixbatch: it drives the program as built, does what a user
// does who reads its words, and knows nothing of the files of a run but their
// place and batch.sh.
package campaign

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// What a person may set: the number of faults (make faults: 1,000 and more),
// the seed of an earlier run, and a pattern of the kinds wanted.
const (
	countVar = "NIXBATCH_FAULTS"
	seedVar  = "NIXBATCH_FAULTS_SEED"
	kindsVar = "NIXBATCH_FAULTS_KINDS"
)

// sample is how many faults go test injects when nothing is set.
const sample = 20

// TestMain begins again in a mount namespace of its own: the small disks that
// faults need vanish with the last process of this run, however it ends.
func TestMain(m *testing.M) {
	const apart = "NIXBATCH_FAULTS_APART"
	if os.Getenv(apart) == "" && os.Geteuid() == 0 {
		self, err := os.Executable()
		if err == nil {
			err = proc.Exec(proc.Cmd{Path: "unshare", Args: append([]string{"--mount", "--propagation=private", "--", self}, os.Args[1:]...),
				Env: append(os.Environ(), apart+"=1")})
		}
		panic(err)
	}
	testbed.Main(m)
}

// kind is a kind of fault.
type kind struct {
	name  string
	does  string // what goes wrong
	holds string // what must hold, beside once
	lane  lane
	// share is how many faults of this kind there are to one of a plain kind; 0
	// is 1.
	share float64
	// slow is a kind that waits for a time limit: not in a sample.
	slow bool
	run  func(f *fault)
}

// once is what must hold of every kind unless its row says otherwise.
const once = "the payload runs once, and what is said of it is true"

// kinds are all of them; a row's place does not matter.
func kinds() []kind {
	var all []kind
	for _, some := range [][]kind{answers(), hands(), copies(), signals(), queries(), accounts(), daemons(), others(), disks(), forgets(), retried(), relaunched(), blindNodes()} {
		all = append(all, some...)
	}
	return all
}

// ask is what is wanted of a campaign.
type ask struct {
	n      int
	seed   uint64
	only   *regexp.Regexp
	sample bool
}

func asked(t *testing.T) ask {
	t.Helper()
	a := ask{n: sample, seed: uint64(time.Now().UnixNano()), sample: true}
	var err error
	if s := os.Getenv(countVar); s != "" {
		a.sample = false
		if a.n, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s: %v", countVar, err)
		}
	}
	if s := os.Getenv(seedVar); s != "" {
		if a.seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVar, err)
		}
	}
	if s := os.Getenv(kindsVar); s != "" {
		if a.only, err = regexp.Compile("^(?:" + s + ")$"); err != nil {
			t.Fatalf("%s: %v", kindsVar, err)
		}
	}
	return a
}

// planned is one fault to inject.
type planned struct {
	kind kind
	nth  int
	seed uint64
}

// choose says which faults to inject: of every kind as many as its share, or in
// a sample one each of some kinds that are quick. The same seed
// chooses the same faults.
func choose(all []kind, a ask) (out []planned) {
	rng := rand.New(rand.NewPCG(a.seed, 1))
	total := 0.0
	var mine []kind
	for _, k := range all {
		if a.only != nil && !a.only.MatchString(k.name) || a.only == nil && a.sample && k.slow {
			continue
		}
		if k.share == 0 {
			k.share = 1
		}
		total += k.share
		mine = append(mine, k)
	}
	rng.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
	counts := make([]int, len(mine))
	left := a.n
	few := map[lane]int{serial: 2, pair: 2, ledger: 1, forgetful: 1, shared: a.n} // of what goes one at a time
	for i, k := range mine {
		switch {
		case a.sample:
			counts[i] = min(1, left, few[k.lane])
			few[k.lane] -= counts[i]
		default:
			counts[i] = max(1, int(k.share*float64(a.n)/total))
		}
		left -= counts[i]
	}
	for i := 0; left > 0 && len(mine) > 0 && (!a.sample || a.only != nil); i = (i + 1) % len(mine) {
		if mine[i].share >= 1 || a.only != nil {
			counts[i]++
			left--
		}
	}
	for i, k := range mine {
		for nth := range counts[i] {
			out = append(out, planned{k, nth, rng.Uint64()})
		}
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestFaultCampaign(t *testing.T) {
	a := asked(t)
	faults := choose(kinds(), a)
	t.Logf("%d faults of %d kinds; again with %s=%d", len(faults), kindsIn(faults), seedVar, a.seed)
	lanes := lanesIn(faults)
	g := newGround(t, lanes)
	began := time.Now()
	var wg sync.WaitGroup
	tally := &tally{}
	for l, n := range lanes {
		work := make(chan int)
		for nth := range l.width(n) {
			wg.Go(func() {
				for i := range work {
					tally.add(t, newFault(g, faults[i], i, nth).inject())
				}
			})
		}
		wg.Go(func() {
			defer close(work)
			for i, p := range faults {
				if p.kind.lane == l {
					work <- i
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d faults in %s\n%s", len(faults), time.Since(began).Round(time.Second), tally.table())
	if bad := tally.bad(); len(bad) > 0 {
		t.Errorf("kinds that failed: %s", strings.Join(bad, ", "))
	}
}

func kindsIn(faults []planned) int {
	names := map[string]bool{}
	for _, p := range faults {
		names[p.kind.name] = true
	}
	return len(names)
}

// lanesIn counts the faults of each lane.
func lanesIn(faults []planned) map[lane]int {
	out := map[lane]int{}
	for _, p := range faults {
		out[p.kind.lane]++
	}
	return out
}

// Every kind has a name of its own and says what it does; there are fifty and
// more.
func TestKinds(t *testing.T) {
	names := map[string]bool{}
	for _, k := range kinds() {
		if names[k.name] || k.name == "" || k.does == "" || k.holds == "" || k.run == nil || strings.ContainsAny(k.name, " ,") {
			t.Errorf("kind %q: %q, %q", k.name, k.does, k.holds)
		}
		names[k.name] = true
	}
	if len(names) < 50 {
		t.Errorf("%d kinds", len(names))
	}
}

// The same seed chooses the same faults, all kinds take part, and there are as
// many as were asked for.
func TestChoose(t *testing.T) {
	text := func(a ask) string {
		var b strings.Builder
		for _, p := range choose(kinds(), a) {
			fmt.Fprintln(&b, p.kind.name, p.nth, p.seed)
		}
		return b.String()
	}
	a := ask{n: 1000, seed: 7}
	if text(a) != text(a) || text(a) == text(ask{n: 1000, seed: 8}) {
		t.Error("the seed does not decide")
	}
	if got := choose(kinds(), a); len(got) < 1000 || kindsIn(got) != len(kinds()) {
		t.Errorf("%d faults of %d kinds", len(got), kindsIn(got))
	}
	if got := choose(kinds(), ask{n: sample, seed: 7, sample: true}); len(got) != sample || kindsIn(got) != sample {
		t.Errorf("a sample of %d faults of %d kinds", len(got), kindsIn(got))
	}
}
