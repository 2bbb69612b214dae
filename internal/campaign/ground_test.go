package campaign

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/testbed"
)

// lane is where faults of a kind are injected: on which cluster, and whether
// several at a time.
type lane int

const (
	shared    lane = iota // many at a time on one cluster
	serial                // one at a time on each of some clusters: its daemons are hit
	ledger                // one at a time on each: with accounting, whose controller forgets soon
	forgetful             // one at a time on each: without accounting, whose controller forgets soon
	pair                  // one at a time for each: the shared cluster, and another one beside it
)

// widest is how many faults of a lane are under way at most, each of those that
// go one at a time on a cluster of its own.
var widest = map[lane]int{shared: 12, serial: 5, ledger: 2, forgetful: 2, pair: 2}

// width is how many are for n faults: a cluster takes some seconds to start.
func (l lane) width(n int) int {
	if l == shared {
		return widest[shared]
	}
	return min(widest[l], (n+5)/6)
}

// Seconds that the controllers of the lanes ledger and forgetful remember a job
// that is over (slurm.conf(5), MinJobAge; 2 is the least that is not "for ever").
const remembers = 2

// ground is what all faults share.
type ground struct {
	t    *testing.T
	base string // directory of the projects
	bin  string // nixbatch

	main *site
	own  map[lane][]*site // of the other lanes, one for each fault under way
}

// site is a cluster with those who watch its queue.
type site struct {
	*testbed.Cluster
	queue

	mu     sync.Mutex
	guards []bystander // jobs of somebody else's that every fault has to leave alone
}

// guard submits those jobs: one that waits and, where no node is killed, one
// that runs.
func (s *site) guard(dir string, running bool) error {
	for state, args := range map[string][]string{"PENDING": {"--hold", "--wrap=true"}, "RUNNING": {"--wrap=exec sleep infinity"}} {
		if state == "RUNNING" && !running {
			continue
		}
		out, err := s.slurm(dir, "sbatch", append([]string{"--parsable", "--mem=10M", "--job-name=stranger", "--output=/dev/null"}, args...)...)
		if err != nil {
			return err
		}
		b := bystander{at: s, state: state}
		if _, err := fmt.Sscan(out, &b.id); err != nil {
			return err
		}
		s.guards = append(s.guards, b)
		if !until(func() bool { now, err := s.state(b.id); return err == nil && now == state }) {
			return fmt.Errorf("job %d does not come to be %s", b.id, state)
		}
	}
	return nil
}

// hurt are those whose state changed since the last look: who looks first is
// told, as one of the faults under way did it.
func (s *site) hurt() (out []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []bystander
	for _, b := range s.guards {
		state, err := s.state(b.id)
		if err != nil {
			return nil, err
		}
		if state == b.state {
			left = append(left, b)
			continue
		}
		out = append(out, fmt.Sprintf("job %d of somebody else's, beside all faults, is %s, it was %s", b.id, state, b.state))
	}
	s.guards = left
	return out, nil
}

// newGround builds nixbatch, starts the clusters that the lanes need for so many
// faults, and makes a project whose builds are ready, of which every fault gets
// a copy.
func newGround(t *testing.T, faults map[lane]int) *ground {
	t.Helper()
	g := &ground{t: t, base: t.TempDir(), own: map[lane][]*site{}}
	g.bin = filepath.Join(g.base, "nixbatch")
	g.must("", nil, "go", "build", "-buildvcs=false", "-o", g.bin, "../../cmd/nixbatch")
	if err := os.CopyFS(filepath.Join(g.base, "minipkgs"), os.DirFS(filepath.Join("..", "..", "examples", "minipkgs"))); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { g.main = g.start(testbed.Options{Classes: nodes(3), ExtraConf: "FirstJobId=100"}, true) })
	for l, o := range map[lane]testbed.Options{
		serial:    {Classes: nodes(2)},
		ledger:    {Classes: nodes(2), Accounting: true, Timeout: 5 * time.Minute, ExtraConf: fmt.Sprintf("MinJobAge=%d", remembers)},
		forgetful: {Classes: nodes(2), ExtraConf: fmt.Sprintf("MinJobAge=%d", remembers)},
		pair:      {Name: "elsewhere", Classes: nodes(1), ExtraConf: "FirstJobId=1"},
	} {
		g.own[l] = make([]*site, l.width(faults[l]))
		for i := range g.own[l] {
			to := &g.own[l][i]
			wg.Go(func() { *to = g.start(o, l != serial) }) // there nodes are killed
		}
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	g.template()
	return g
}

func nodes(n int) []testbed.Class {
	return []testbed.Class{{Name: "n", Nodes: n, Sockets: 1, Cores: 64, Threads: 1, MemoryMiB: 64000, Features: []string{"x"}}}
}

func (g *ground) start(o testbed.Options, running bool) *site {
	o.NoNix = true
	c, err := testbed.Start(g.t.Context(), o)
	if err != nil {
		g.t.Errorf("cluster: %v", err)
		return nil
	}
	g.t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			g.t.Error(err)
		}
	})
	s := &site{Cluster: c, queue: queue{env: c.Env(), books: o.Accounting}}
	if err := s.guard(g.base, running); err != nil {
		g.t.Errorf("guards: %v", err)
	}
	return s
}

// places are the clusters that the nth of the faults under way in a lane has to
// itself: where it submits, and what else there is.
func (g *ground) places(l lane, nth int) (c, other *site) {
	switch l {
	case serial, ledger, forgetful:
		return g.own[l][nth], nil
	case pair:
		return g.main, g.own[pair][nth]
	}
	return g.main, nil
}

// must runs a program that has to succeed.
func (g *ground) must(dir string, env []string, name string, args ...string) string {
	g.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// template is the project that faults get copies of.
func (g *ground) template() {
	dir := filepath.Join(g.base, "template")
	f := &fault{g: g, c: g.main, dir: dir, aux: dir + ".aux", name: "template"}
	if err := f.makeAux(); err != nil {
		g.t.Fatal(err)
	}
	f.job(work{})
	g.must(dir, f.environ(), g.bin, "build", "job.yaml")
}

// copyProject makes a warm project in dir: what can be shared is linked.
func (g *ground) copyProject(dir string) error {
	from := filepath.Join(g.base, "template", ".nixbatch")
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, ".nixbatch", rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(to, 0o700)
		case d.Type()&os.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, to)
		}
		if os.Link(path, to) == nil { // another file system has no links to here
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, st.Mode())
	})
}

// patience bounds every waiting for an event: far above need, also on a slow
// machine.
const patience = 4 * time.Minute

// until waits for something to come true, looking ever less often; false when
// patience is at its end.
func until(is func() bool) bool {
	deadline := time.Now().Add(patience)
	for pause := 20 * time.Millisecond; ; pause = min(pause*3/2, time.Second) {
		if is() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(pause)
	}
}

// retryDown runs what may find the controller down for a moment.
func retryDown(do func() error) error {
	var err error
	until(func() bool { err = do(); return err == nil })
	return err
}

func background() context.Context { return context.Background() }
