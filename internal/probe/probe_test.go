package probe_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/probe"
	"github.com/nixbatch/nixbatch/internal/probetest"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

// left is the jobs that wait or run.
func left(s probetest.Scene, name string) (jobs []slurm.Job) {
	s.T.Helper()
	all, err := s.Client.Queue(probetest.Ctx, slurm.Query{Name: name})
	if err != nil {
		s.T.Fatal(err)
	}
	// A job that was cancelled a moment ago is completing.
	return slices.DeleteFunc(all, func(j slurm.Job) bool { return j.State.Final() || j.Word == "COMPLETING" })
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
	s := probetest.NewScene(t, testbed.ForTest(t))
	before, _ := s.Classes()
	if got := archs(before); got != "hsw[1-2] ?; skx[1-2] ?; zen[1-2] ?" {
		t.Fatal(got)
	}
	got, err := s.Probe(probetest.Ctx, "main", probetest.Patience, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if r.Err != nil || r.JobID == 0 {
			t.Errorf("%+v", r)
		}
	}
	after, _ := s.Classes()
	if got := archs(after); got != "hsw[1-2] haswell probe; skx[1-2] skylake-avx512 probe; zen[1-2] znver4 probe" {
		t.Error(got)
	}
	// An answer that is there already is none to a new probe: it is asked again.
	seen := after[0].Known.Seen
	if _, err := s.Probe(probetest.Ctx, "main", probetest.Patience, nil); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Classes(); !again[0].Known.Seen.After(seen) {
		t.Errorf("seen at %s, and again at %s", seen, again[0].Known.Seen)
	}
	// A job that has answered is about to end.
	probetest.Until(func() bool { return len(left(s, "nixbatch-probe")) == 0 })
}

// Busy nodes: the class is reported when the time is over and its job is
// cancelled. Nodes that are down: reported at once. The third class answers all
// the same.
func TestProbeOfBusyAndDownNodes(t *testing.T) {
	s := probetest.NewScene(t, testbed.ForTest(t))
	probetest.Scontrol(s, "update", "NodeName=skx[1-2]", "State=DRAIN", "Reason=test")
	defer probetest.Resume(s, "skx[1-2]")
	id, err := s.Client.Submit(probetest.Ctx, []byte("#!/bin/sh\nexec sleep 600\n"), "--nodelist=hsw[1-2]", "--nodes=2", "--exclusive", "--output=/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		jobs, err := s.Client.Confirm(probetest.Ctx, slurm.Wanted{JobRef: id, Task: -1})
		if err == nil {
			err = s.Client.Cancel(probetest.Ctx, jobs...)
		}
		if err != nil {
			t.Error(err)
		}
	}()
	probetest.Until(func() bool {
		jobs, err := s.Client.Queue(probetest.Ctx, slurm.Query{IDs: []string{id.String()}})
		if err != nil {
			t.Fatal(err)
		}
		return len(jobs) == 1 && jobs[0].State == slurm.Running
	})
	// How soon the free node answers is the machine's: more time is given until
	// it does, while the busy ones never answer.
	var got map[string]probe.Result
	for limit := 4 * time.Second; ; limit *= 3 {
		if got, err = s.Probe(probetest.Ctx, "main", limit, nil); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(got["zen1"].Err, probe.ErrNoAnswer) || limit > probetest.Patience {
			break
		}
	}
	if r := got["skx1"]; !errors.Is(r.Err, probe.ErrNoNode) || r.JobID != 0 {
		t.Errorf("drained nodes: %+v", r)
	}
	if r := got["hsw1"]; !errors.Is(r.Err, probe.ErrNoAnswer) || r.JobID == 0 {
		t.Errorf("busy nodes: %+v", r)
	}
	if r := got["zen1"]; r.Err != nil {
		t.Errorf("free nodes: %+v", r)
	}
	if jobs := left(s, "nixbatch-probe"); len(jobs) > 0 {
		t.Errorf("left in the queue: %+v", jobs)
	}
	if jobs := left(s, ""); len(jobs) != 1 || jobs[0].ID != id.ID {
		t.Errorf("another job was touched: %+v", jobs)
	}
}

// A job that ends without an answer is reported before the time is over.
func TestProbeWithoutAnAnswer(t *testing.T) {
	s := probetest.NewScene(t, testbed.ForTest(t))
	got, err := s.Probe(probetest.Ctx, brokenPartition, probetest.Patience, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range got {
		if !errors.Is(r.Err, probe.ErrEnded) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// An interrupt leaves nothing behind.
func TestProbeInterrupted(t *testing.T) {
	s := probetest.NewScene(t, testbed.ForTest(t))
	probetest.Scontrol(s, "update", "PartitionName=main", "State=DOWN") // jobs wait
	defer probetest.Scontrol(s, "update", "PartitionName=main", "State=UP")
	stop, cancel := context.WithCancel(probetest.Ctx)
	go func() {
		probetest.Until(func() bool { return len(left(s, "nixbatch-probe")) >= 3 })
		cancel()
	}()
	got, err := s.Probe(stop, "main", probetest.Patience, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	for name, r := range got {
		if !errors.Is(r.Err, probe.ErrStopped) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if jobs := left(s, "nixbatch-probe"); len(jobs) > 0 {
		t.Errorf("left in the queue: %+v", jobs)
	}
}

// A probe that Slurm refuses is told with its class, and the others go on.
func TestProbeRefused(t *testing.T) {
	s := probetest.NewScene(t, testbed.ForTest(t))
	cs, nodes := s.Classes()
	cs[0].Partitions, cs[0].Nodes = []string{"nowhere"}, cs[0].Nodes[:1]
	got := map[string]error{}
	p := probe.Prober{Client: s.Client, Project: s.Project, Nodes: nodes, Partition: "main", Timeout: probetest.Patience,
		Done: func(r probe.Result) { got[r.Class.Nodes[0]] = r.Err }}
	if err := p.Run(probetest.Ctx, cs); err != nil {
		t.Fatal(err)
	}
	var se *slurm.SubmitError
	if !errors.As(got["hsw1"], &se) || !se.Permanent || got["skx1"] != nil || got["zen1"] != nil {
		t.Errorf("%v", got)
	}
}
