package prepare_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/prepare"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

var ctx = context.Background()

// patience is how long answers are waited for that have to come: far longer than
// they take on a machine that is slow and busy.
const patience = 15 * time.Minute

// scene is a project on a cluster.
type scene struct {
	t       *testing.T
	client  *slurm.Client
	project runs.Project
}

func newScene(t *testing.T, bed *testbed.Cluster) scene {
	t.Helper()
	inBed(t, bed, map[string]string{"hsw": "haswell", "skx": "skylake-sp", "zen": "zen4"})
	p, err := runs.Near(".")
	if err != nil {
		t.Fatal(err)
	}
	return scene{t, &slurm.Client{Env: os.Environ()}, p}
}

// classes is what is known now, and the inventory. What nodes are is read from
// what was learnt, not from the saved files.
func (s scene) classes() ([]cluster.Class, []slurm.Node) {
	s.t.Helper()
	info := os.Getenv(cpuflags.EnvCPUInfo)
	os.Unsetenv(cpuflags.EnvCPUInfo)
	defer os.Setenv(cpuflags.EnvCPUInfo, info)
	conf, err := site.Load(os.Getenv)
	if err != nil {
		s.t.Fatal(err)
	}
	nodes, _, err := prepare.Inventory(ctx, s.client)
	if err != nil {
		s.t.Fatal(err)
	}
	k, err := prepare.Knowledge(ctx, s.client, s.project, conf)
	if err != nil {
		s.t.Fatal(err)
	}
	return cluster.Classes(nodes, k), nodes
}

// probe runs the probes and returns the results by the first node of the class.
func (s scene) probe(ctx context.Context, partition string, timeout time.Duration, after func(prepare.ProbeResult)) (map[string]prepare.ProbeResult, error) {
	s.t.Helper()
	cs, nodes := s.classes()
	got := map[string]prepare.ProbeResult{}
	p := prepare.Prober{Client: s.client, Project: s.project, Nodes: nodes, Partition: partition, Timeout: timeout, Done: func(r prepare.ProbeResult) {
		if _, twice := got[r.Class.Nodes[0]]; twice {
			s.t.Errorf("%s is told twice", r.Class.Hosts())
		}
		got[r.Class.Nodes[0]] = r
		if after != nil {
			after(r)
		}
	}}
	err := p.Run(ctx, cs)
	if len(got) != len(cs) {
		s.t.Errorf("%d results for %d classes", len(got), len(cs))
	}
	return got, err
}

// left is the jobs that wait or run.
func (s scene) left(name string) (jobs []slurm.Job) {
	s.t.Helper()
	all, err := s.client.Queue(ctx, slurm.Query{Name: name})
	if err != nil {
		s.t.Fatal(err)
	}
	// A job that was cancelled a moment ago is completing.
	return slices.DeleteFunc(all, func(j slurm.Job) bool { return j.State.Final() || j.Word == "COMPLETING" })
}

func (s scene) scontrol(args ...string) {
	s.t.Helper()
	if _, err := (proc.System{}).Run(ctx, proc.Cmd{Path: "scontrol", Args: args, Env: s.client.Env}); err != nil {
		s.t.Fatal(err)
	}
}

// resume takes nodes back into use and waits until all are: for a moment they
// are marked as not answering.
func (s scene) resume(nodes string) {
	s.t.Helper()
	s.scontrol("update", "NodeName="+nodes, "State=RESUME")
	for {
		all, _, err := prepare.Inventory(ctx, s.client)
		if err != nil {
			s.t.Fatal(err)
		}
		if !slices.ContainsFunc(all, func(n slurm.Node) bool { return !n.Usable() }) {
			return
		}
	}
}

func archs(cs []cluster.Class) string {
	var out []string
	for _, c := range cs {
		arch := "?"
		if c.Known != nil {
			arch = cpuflags.Best(c.Known.CPU, cpuflags.Limits{}).Arch + " " + c.Known.From
		}
		out = append(out, c.Hosts()+" "+arch)
	}
	return strings.Join(out, "; ")
}

func TestProbe(t *testing.T) {
	s := newScene(t, testbed.ForTest(t))
	before, _ := s.classes()
	if got := archs(before); got != "hsw[1-2] ?; skx[1-2] ?; zen[1-2] ?" {
		t.Fatal(got)
	}
	got, err := s.probe(ctx, "main", patience, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if r.Err != nil || r.JobID == 0 {
			t.Errorf("%+v", r)
		}
	}
	after, _ := s.classes()
	if got := archs(after); got != "hsw[1-2] haswell probe; skx[1-2] skylake-avx512 probe; zen[1-2] znver4 probe" {
		t.Error(got)
	}
	// An answer that is there already is none to a new probe: it is asked again.
	seen := after[0].Known.Seen
	if _, err := s.probe(ctx, "main", patience, nil); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.classes(); !again[0].Known.Seen.After(seen) {
		t.Errorf("seen at %s, and again at %s", seen, again[0].Known.Seen)
	}
	for len(s.left("nixbatch-probe")) > 0 {
		// A job that has answered is about to end.
	}
}

// Busy nodes: the class is reported when the time is over and its job is
// cancelled. Nodes that are down: reported at once. The third class answers all
// the same.
func TestProbeOfBusyAndDownNodes(t *testing.T) {
	s := newScene(t, testbed.ForTest(t))
	s.scontrol("update", "NodeName=skx[1-2]", "State=DRAIN", "Reason=test")
	defer s.resume("skx[1-2]")
	id, err := s.client.Submit(ctx, []byte("#!/bin/sh\nexec sleep 600\n"), "--nodelist=hsw[1-2]", "--nodes=2", "--exclusive", "--output=/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer s.client.Cancel(ctx, id.String())
	for running := false; !running; {
		jobs, err := s.client.Queue(ctx, slurm.Query{IDs: []string{id.String()}})
		if err != nil {
			t.Fatal(err)
		}
		running = len(jobs) == 1 && jobs[0].State == slurm.Running
	}
	// How soon the free node answers is the machine's: more time is given until
	// it does, while the busy ones never answer.
	var got map[string]prepare.ProbeResult
	for limit := 4 * time.Second; ; limit *= 3 {
		if got, err = s.probe(ctx, "main", limit, nil); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(got["zen1"].Err, prepare.ErrNoAnswer) || limit > patience {
			break
		}
	}
	if r := got["skx1"]; !errors.Is(r.Err, prepare.ErrNoNode) || r.JobID != 0 {
		t.Errorf("drained nodes: %+v", r)
	}
	if r := got["hsw1"]; !errors.Is(r.Err, prepare.ErrNoAnswer) || r.JobID == 0 {
		t.Errorf("busy nodes: %+v", r)
	}
	if r := got["zen1"]; r.Err != nil {
		t.Errorf("free nodes: %+v", r)
	}
	if jobs := s.left("nixbatch-probe"); len(jobs) > 0 {
		t.Errorf("left in the queue: %+v", jobs)
	}
	if jobs := s.left(""); len(jobs) != 1 || jobs[0].ID != id.ID {
		t.Errorf("another job was touched: %+v", jobs)
	}
}

// A job that ends without an answer is reported before the time is over.
func TestProbeWithoutAnAnswer(t *testing.T) {
	s := newScene(t, testbed.ForTest(t))
	got, err := s.probe(ctx, brokenPartition, patience, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range got {
		if !errors.Is(r.Err, prepare.ErrEnded) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// An interrupt leaves nothing behind.
func TestProbeInterrupted(t *testing.T) {
	s := newScene(t, testbed.ForTest(t))
	s.scontrol("update", "PartitionName=main", "State=DOWN") // jobs wait
	defer s.scontrol("update", "PartitionName=main", "State=UP")
	stop, cancel := context.WithCancel(ctx)
	go func() {
		for len(s.left("nixbatch-probe")) < 3 {
		}
		cancel()
	}()
	got, err := s.probe(stop, "main", patience, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	for name, r := range got {
		if !errors.Is(r.Err, prepare.ErrStopped) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if jobs := s.left("nixbatch-probe"); len(jobs) > 0 {
		t.Errorf("left in the queue: %+v", jobs)
	}
}

// A probe that Slurm refuses is told with its class, and the others go on.
func TestProbeRefused(t *testing.T) {
	s := newScene(t, testbed.ForTest(t))
	cs, nodes := s.classes()
	cs[0].Partitions, cs[0].Nodes = []string{"nowhere"}, cs[0].Nodes[:1]
	got := map[string]error{}
	p := prepare.Prober{Client: s.client, Project: s.project, Nodes: nodes, Partition: "main", Timeout: patience,
		Done: func(r prepare.ProbeResult) { got[r.Class.Nodes[0]] = r.Err }}
	if err := p.Run(ctx, cs); err != nil {
		t.Fatal(err)
	}
	var se *slurm.SubmitError
	if !errors.As(got["hsw1"], &se) || !se.Permanent || got["skx1"] != nil || got["zen1"] != nil {
		t.Errorf("%v", got)
	}
}
