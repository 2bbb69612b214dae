package main

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// These tests run the program as a user does: the real binary, a real Slurm of
// six nodes, real Nix. Most of their time is waiting for jobs, so more of them
// run at once than there are processors.
func TestMain(m *testing.M) {
	if at := os.Getenv(clockVar); at != "" {
		standingStill(at)
	}
	flag.Parse()
	if p := flag.Lookup("test.parallel"); p.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		if err := p.Value.Set("8"); err != nil {
			panic(err)
		}
	}
	testbed.Main(m)
}

// clockVar makes the test program be nixbatch with a clock that stands still at
// a time (RFC 3339), for what depends on time: real time runs on while a slow
// machine works.
const clockVar = "NIXBATCH_TEST_CLOCK"

func standingStill(at string) {
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		panic(err)
	}
	command.Clock = func() time.Time { return t }
	main()
}

// The nodes' CPUs: saved cpuinfo files, for which NIXBATCH_CPUINFO is made.
var simulated = map[string]string{"hsw": "haswell.txt", "skx": "skylake-sp.txt", "zen": "zen4.txt"}

var built struct {
	sync.Once
	err error
}

// bed is the cluster, with the program built for it in DIR/bin.
func bed(t testing.TB) *testbed.Cluster {
	t.Helper()
	c := testbed.ForTest(t)
	built.Do(func() {
		for class, file := range simulated {
			if built.err = c.SetCPUInfo(class, cpuinfo(file)); built.err != nil {
				return
			}
		}
		_, built.err = proc.System{}.Run(t.Context(), proc.Cmd{Path: "go",
			Args: []string{"build", "-buildvcs=false", "-ldflags=-X github.com/nixbatch/nixbatch/internal/agent.Simulated=yes", "-o", filepath.Join(c.Dir, "bin", "nixbatch"), "."}})
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return c
}

func cpuinfo(file string) string {
	return filepath.Join("..", "..", "cpuflags", "testdata", "cpuinfo", file)
}

// place makes what a job needs in an empty directory: minipkgs, and homes of
// its own for what nixbatch remembers. It returns the environment of a program
// that works there.
func place(c *testbed.Cluster, dir string) ([]string, error) {
	if err := os.CopyFS(filepath.Join(dir, "minipkgs"), os.DirFS(filepath.Join("..", "..", "examples", "minipkgs"))); err != nil {
		return nil, err
	}
	for _, d := range []string{"home", "state", "site", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	return append(c.Env(),
		"PATH="+filepath.Join(c.Dir, "bin")+":"+os.Getenv("PATH"),
		"HOME="+filepath.Join(dir, "home"), "XDG_STATE_HOME="+filepath.Join(dir, "state"),
		"NIXBATCH_SITE_DIR="+filepath.Join(dir, "site"), "TMPDIR="+filepath.Join(dir, "tmp"),
	), nil
}
