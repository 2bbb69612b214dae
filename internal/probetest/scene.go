package probetest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/probe"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

func Write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// inBed gives the test the environment of a cluster whose classes have these
// saved CPUs, and a working directory of its own. It returns the directory.
func inBed(t *testing.T, bed *testbed.Cluster, cpus map[string]string) string {
	t.Helper()
	for name, file := range cpus {
		if err := bed.SetCPUInfo(name, filepath.Join("../../cpuflags/testdata/cpuinfo", file+".txt")); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range bed.Unset() {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	for name, value := range bed.Vars() {
		t.Setenv(name, value)
	}
	// Each test knows nothing but what it learns itself.
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("NIXBATCH_SITE_DIR", filepath.Join(dir, "etc"))
	t.Chdir(dir)
	return dir
}

var Ctx = context.Background()

// Patience is how long answers are waited for that have to come: far longer than
// they take on a machine that is slow and busy.
const Patience = 15 * time.Minute

// Scene is a project on a cluster.
type Scene struct {
	T       *testing.T
	Client  *slurm.Client
	Project rundir.Project
}

func NewScene(t *testing.T, bed *testbed.Cluster) Scene {
	t.Helper()
	inBed(t, bed, map[string]string{"hsw": "haswell", "skx": "skylake-sp", "zen": "zen4"})
	p, err := rundir.Near(".")
	if err != nil {
		t.Fatal(err)
	}
	return Scene{t, &slurm.Client{Env: os.Environ()}, p}
}

// Classes is what is known now, and the inventory. What nodes are is read from
// what was learnt, not from the saved files.
func (s Scene) Classes() ([]cluster.Class, []slurm.Node) {
	s.T.Helper()
	info := os.Getenv(cpuflags.EnvCPUInfo)
	os.Unsetenv(cpuflags.EnvCPUInfo)
	defer os.Setenv(cpuflags.EnvCPUInfo, info)
	conf, err := site.Load(os.Getenv)
	if err != nil {
		s.T.Fatal(err)
	}
	nodes, _, err := submit.Inventory(Ctx, s.Client)
	if err != nil {
		s.T.Fatal(err)
	}
	k, err := probe.Knowledge(Ctx, s.Client, s.Project, conf)
	if err != nil {
		s.T.Fatal(err)
	}
	return cluster.Classes(nodes, k), nodes
}

// Probe runs the probes and returns the results by the first node of the class.
func (s Scene) Probe(ctx context.Context, partition string, timeout time.Duration, after func(probe.Result)) (map[string]probe.Result, error) {
	s.T.Helper()
	cs, nodes := s.Classes()
	got := map[string]probe.Result{}
	p := probe.Prober{Client: s.Client, Project: s.Project, Nodes: nodes, Partition: partition, Timeout: timeout, Done: func(r probe.Result) {
		if _, twice := got[r.Class.Nodes[0]]; twice {
			s.T.Errorf("%s is told twice", r.Class.Hosts())
		}
		got[r.Class.Nodes[0]] = r
		if after != nil {
			after(r)
		}
	}}
	err := p.Run(ctx, cs)
	if len(got) != len(cs) {
		s.T.Errorf("%d results for %d classes", len(got), len(cs))
	}
	return got, err
}

// Scontrol changes the cluster.
func Scontrol(s Scene, args ...string) {
	s.T.Helper()
	if _, err := (proc.System{}).Run(Ctx, proc.Cmd{Path: "scontrol", Args: args, Env: s.Client.Env}); err != nil {
		s.T.Fatal(err)
	}
}

// Resume takes nodes back into use and waits until all are: for a moment they
// are marked as not answering.
func Resume(s Scene, nodes string) {
	s.T.Helper()
	Scontrol(s, "update", "NodeName="+nodes, "State=RESUME")
	Until(func() bool {
		all, _, err := submit.Inventory(Ctx, s.Client)
		if err != nil {
			s.T.Fatal(err)
		}
		return !slices.ContainsFunc(all, func(n slurm.Node) bool { return !n.Usable() })
	})
}

// Until returns when something has come about that only the cluster can tell, and
// leaves the processor to the cluster between two questions.
func Until(so func() bool) {
	for tick := time.NewTicker(50 * time.Millisecond); !so(); <-tick.C {
	}
}
