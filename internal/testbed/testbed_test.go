package testbed_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// parentVar makes this test program start a cluster and wait to be killed.
const parentVar = "TESTBED_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentVar) != "" {
		beParent()
	}
	testbed.Main(m)
}

// output runs a command in the cluster's environment and returns its lines, sorted.
func output(t *testing.T, c *testbed.Cluster, path string, args ...string) []string {
	t.Helper()
	res, err := proc.System{}.Run(t.Context(), proc.Cmd{Path: path, Args: args, Env: c.Env(), Dir: c.Dir})
	if err != nil {
		t.Fatalf("%v\nstderr: %s", err, res.Stderr)
	}
	lines := strings.Fields(string(res.Stdout))
	slices.Sort(lines)
	return lines
}

// job submits a batch script and returns a reader of what it writes to $FIFO.
func job(t *testing.T, c *testbed.Cluster, script string, args ...string) *bufio.Reader {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	// Opened for both, so that the open does not wait and no end of file comes
	// between two writers.
	f, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.SetReadDeadline(time.Now().Add(testbed.DefaultTimeout)); err != nil {
		t.Fatal(err)
	}
	// A list after --export would make slurmd ask the user's login shell.
	_, err = proc.System{}.Run(t.Context(), proc.Cmd{Path: "sbatch", Args: append(args, "--output=/dev/null"),
		Env: append(c.Env(), "FIFO="+fifo), Dir: c.Dir,
		Stdin: strings.NewReader("#!/bin/bash\n" + script)})
	if err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(f)
}

func lines(t *testing.T, r *bufio.Reader, n int) []string {
	t.Helper()
	got := []string{}
	for range n {
		l, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimSpace(l))
	}
	slices.Sort(got)
	return got
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestNodes(t *testing.T) {
	c := testbed.ForTest(t)
	same(t, "nodes", output(t, c, "sinfo", "-hN", "-pmain", "-o%N,%c,%z,%m,%f"),
		"hsw1,4,1:4:1,8000,haswell,avx2", "hsw2,4,1:4:1,8000,haswell,avx2",
		"skx1,8,1:4:2,16000,skylake_avx512,avx512", "skx2,8,1:4:2,16000,skylake_avx512,avx512",
		"zen1,6,1:6:1,12000,zen4,avx512", "zen2,6,1:6:1,12000,zen4,avx512")
	same(t, "partitions", output(t, c, "sinfo", "-h", "-o%P,%D"), "hsw,2", "main*,6", "short,6", "skx,2", "zen,2")
}

func TestStepOverFourNodes(t *testing.T) {
	c := testbed.ForTest(t)
	same(t, "nodes of the step", output(t, c, "srun", "-N4", "-phsw,main", "--constraint=haswell|zen4", "printenv", "SLURMD_NODENAME"),
		"hsw1", "hsw2", "zen1", "zen2")
}

func TestBatchStepOverFourNodes(t *testing.T) {
	c := testbed.ForTest(t)
	r := job(t, c, `srun sh -c 'echo $SLURMD_NODENAME' >"$FIFO"`, "-N4", "--constraint=avx512")
	same(t, "nodes of the job", lines(t, r, 4), "skx1", "skx2", "zen1", "zen2")
}

func TestArray(t *testing.T) {
	c := testbed.ForTest(t)
	r := job(t, c, `echo $SLURM_ARRAY_TASK_ID >"$FIFO"`, "--array=0-7", "--mem=100")
	same(t, "tasks", lines(t, r, 8), "0", "1", "2", "3", "4", "5", "6", "7")
}

func TestConstraint(t *testing.T) {
	c := testbed.ForTest(t)
	same(t, "node", output(t, c, "srun", "-N2", "--constraint=skylake_avx512", "printenv", "SLURMD_NODENAME"), "skx1", "skx2")
	_, err := proc.System{}.Run(t.Context(), proc.Cmd{Path: "srun", Args: []string{"-pzen", "--constraint=haswell", "true"}, Env: c.Env()})
	if err == nil || !strings.Contains(err.Error(), "node configuration is not available") {
		t.Errorf("a constraint that no node of the partition has: %v", err)
	}
}

// A job's node goes down under it: the job is requeued, and the node comes back.
func TestKillNode(t *testing.T) {
	c := testbed.ForTest(t)
	r := job(t, c, `echo $SLURMD_NODENAME ${SLURM_RESTART_COUNT-first} $SLURM_JOB_ID >"$FIFO"; [ "$SLURM_RESTART_COUNT" ] || sleep 1000`,
		"-wzen2", "-pzen", "--requeue")
	first := lines(t, r, 1)
	id, ok := strings.CutPrefix(first[0], "zen2 first ")
	if !ok {
		t.Fatalf("first start: %q", first)
	}
	before := ours(t, c.Dir, "SLURMD_NODENAME=zen2")
	if len(before) == 0 {
		t.Fatal("no process of the job on zen2")
	}
	if err := c.KillNode(t.Context(), "zen2"); err != nil {
		t.Fatal(err)
	}
	if left := ours(t, c.Dir, "SLURMD_NODENAME=zen2"); len(left) > 0 {
		t.Errorf("processes left on a dead node: %v", left)
	}
	same(t, "state", output(t, c, "sinfo", "-hN", "-nzen2", "-pzen", "-o%T"), "down")
	if err := c.StartNode(t.Context(), "zen2"); err != nil {
		t.Fatal(err)
	}
	// Slurm would wait for two minutes, until credentials have expired.
	output(t, c, "scontrol", "update", "JobId="+id, "StartTime=now")
	same(t, "second start", lines(t, r, 1), "zen2 1 "+id)
}

// Jobs outlive their controller, and a new one finds them.
func TestControllerRestart(t *testing.T) {
	c := testbed.ForTest(t)
	r := job(t, c, `echo up >"$FIFO"; sleep 1000`, "-phsw", "--job-name=outlive")
	same(t, "the job", lines(t, r, 1), "up")
	if err := c.StopController(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Up() {
		t.Error("a cluster without its controller says that it is up")
	}
	if err := c.StartController(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "queue", output(t, c, "squeue", "-h", "-noutlive", "-o%T"), "RUNNING")
	output(t, c, "scancel", "-noutlive")
}

// What listens does so on loopback, given that this host's name is there too.
func TestListensOnLoopback(t *testing.T) {
	c := testbed.ForTest(t)
	conf, err := os.ReadFile(filepath.Join(c.Dir, "slurm.conf"))
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := net.LookupHost(hostname(t))
	want := 7 // slurmctld and six slurmd
	if err != nil || slices.ContainsFunc(addrs, func(a string) bool { return a != "127.0.0.1" && a != "::1" }) {
		want = strings.Count(string(conf), "NoCtldInAddrAny") // slurmctld at most
	}
	mine := ours(t, c.Dir, c.Dir)
	inodes := map[string]bool{}
	for _, pid := range mine {
		fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil {
				inodes[to] = true
			}
		}
	}
	seen := 0
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue // a kernel without IPv6
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != "0A" || !inodes["socket:["+f[9]+"]"] { // 0A: LISTEN
				continue
			}
			// Addresses are printed as little-endian words: 127.x.y.z ends in 7F.
			if addr, _, _ := strings.Cut(f[1], ":"); table == "/proc/net/tcp" && strings.HasSuffix(addr, "7F") {
				seen++
			} else if want == 7 {
				t.Errorf("a daemon listens on %s (%s)", f[1], table)
			}
		}
	}
	if seen != want {
		t.Errorf("%d sockets listen on loopback, want %d", seen, want)
	}
}

func TestCPUInfo(t *testing.T) {
	saved := filepath.Join(t.TempDir(), "cpuinfo")
	if err := os.WriteFile(saved, []byte("flags : avx2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := testbed.Start(t.Context(), testbed.Options{CPUInfo: map[string]string{"one": saved},
		Classes: []testbed.Class{{Name: "one", Nodes: 1, Sockets: 1, Cores: 2, Threads: 1, MemoryMiB: 4000, Features: []string{"x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	dir := c.Vars()["NIXBATCH_CPUINFO"]
	if b, err := os.ReadFile(filepath.Join(dir, "one1")); err != nil || string(b) != "flags : avx2\n" {
		t.Errorf("the node's cpuinfo: %q, %v", b, err)
	}
	if err := c.SetCPUInfo("two", saved); err == nil {
		t.Error("a class that does not exist has a cpuinfo now")
	}
	if _, set := testbed.ForTest(t).Vars()["NIXBATCH_CPUINFO"]; set {
		t.Error("NIXBATCH_CPUINFO is set in a cluster without cpuinfo files")
	}
}

// A derivation is built by the host's shell under the private configuration.
func TestNix(t *testing.T) {
	c := testbed.ForTest(t)
	expr := fmt.Sprintf(`derivation { name = "testbed-trivial"; system = builtins.currentSystem; builder = "/bin/sh";
		args = [ "-c" "echo %s > $out" ]; }`, filepath.Base(c.Dir))
	out := output(t, c, "nix-build", "--no-out-link", "-E", expr)
	if len(out) != 1 {
		t.Fatalf("nix-build printed %q", out)
	}
	if b, err := os.ReadFile(out[0]); err != nil || string(b) != filepath.Base(c.Dir)+"\n" {
		t.Errorf("the build: %q, %v", b, err)
	}
	output(t, c, "nix-store", "--delete", out[0])
}

func hostname(t *testing.T) string {
	h, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func beParent() {
	c, err := testbed.Start(context.Background(), testbed.Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(c.Dir)
	select {}
}
