package testbed_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// ours lists the processes, other than this one and zombies, that mention a
// word in their environment or arguments, or hold files below it open; and
// mention dir in one of these ways. It shares nothing with the package's own way
// of finding them.
func ours(t *testing.T, dir, word string) []int {
	t.Helper()
	ents, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, e := range ents {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		p := filepath.Join("/proc", e.Name())
		said := ""
		for _, f := range []string{"cmdline", "environ"} {
			b, _ := os.ReadFile(filepath.Join(p, f))
			said += string(b) + "\x00"
		}
		links, _ := filepath.Glob(p + "/fd/*")
		for _, l := range append(links, p+"/cwd") {
			to, _ := os.Readlink(l)
			said += to + "\x00"
		}
		if strings.Contains(said, dir) && strings.Contains(said, word) {
			found = append(found, pid)
		}
	}
	return found
}

func gone(t *testing.T, dir string) {
	t.Helper()
	for _, pid := range ours(t, dir, dir) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		t.Errorf("process left behind: %d %q", pid, line)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory left behind: %s (%v)", dir, err)
	}
}

// ended waits for the end of a process.
func ended(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(testbed.DefaultTimeout.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n != 1 || err != nil {
			t.Fatalf("process %d does not end (%v)", pid, err)
		}
		return
	}
}

// newDir returns a short path that does not exist yet.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "nbt-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "c")
}

// straggler is a job with a process that left the job's session and parent.
const straggler = `(setsid sleep 1000 </dev/null >/dev/null 2>&1 &); srun -N1 sleep 1000 & echo up >"$FIFO"; wait`

func TestStopLeavesNothing(t *testing.T) {
	c, err := testbed.Start(t.Context(), testbed.Options{Dir: newDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	lines(t, job(t, c, straggler, "-N2"), 1)
	// A build leaves directories that even their owner may not write to.
	locked := filepath.Join(c.Dir, "tmp/locked")
	if err := errors.Join(os.MkdirAll(locked+"/below", 0o700), os.Chmod(locked, 0o500)); err != nil {
		t.Fatal(err)
	}
	// A program of the person's own in the cluster's environment is not ours to kill.
	own, err := proc.Start(t.Context(), proc.Cmd{Path: "sleep", Args: []string{"1000"}, Env: c.Env()}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if err := own.Signal(os.Kill); err != nil {
		t.Errorf("a program that used the cluster was killed with it: %v", err)
	}
	own.Wait()
	gone(t, c.Dir)
	if err := c.Stop(); err != nil {
		t.Errorf("stopping again: %v", err)
	}
}

func TestKilledParentLeavesNothing(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := proc.Start(t.Context(), proc.Cmd{Path: "/proc/self/exe", Env: append(os.Environ(), parentVar+"=1"), Stdout: w}, true)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(r).ReadString('\n')
	dir := strings.TrimSpace(line)
	if err != nil || !filepath.IsAbs(dir) {
		p.Signal(os.Kill)
		p.Wait()
		t.Fatalf("the parent said %q (%v)", line, err)
	}
	c, err := testbed.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	lines(t, job(t, c, straggler, "-N2"), 1)
	dogs := ours(t, dir, "TESTBED_WATCHDOG=")
	if len(dogs) != 1 {
		t.Errorf("watchdogs: %v, want one", dogs)
	}
	p.Signal(os.Kill)
	p.Wait()
	for _, pid := range dogs {
		ended(t, pid)
	}
	gone(t, dir)
}

// broken makes every node register with fewer CPUs than it claims.
const broken = "SlurmdParameters=l3cache_as_socket"

// How long it takes until slurmctld knows that a node is broken is the
// machine's: it gets more time until it does.
func TestNeverReady(t *testing.T) {
	for limit := 3 * time.Second; ; limit *= 3 {
		dir := newDir(t)
		_, err := testbed.Start(t.Context(), testbed.Options{Dir: dir, ExtraConf: broken, Timeout: limit})
		if err == nil {
			t.Fatal("a cluster of broken nodes is ready")
		}
		if want := fmt.Sprintf("not ready after %s: ", limit); !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
		gone(t, dir)
		told := strings.Contains(err.Error(), `node hsw1 is "inval"`) && strings.Contains(err.Error(), "the end of slurmctld's log:")
		if told || t.Failed() {
			return
		}
		if limit > testbed.DefaultTimeout {
			t.Fatalf("it is not said what is wrong: %v", err)
		}
	}
}

func TestCancelledStart(t *testing.T) {
	dir := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for tick := time.Tick(5 * time.Millisecond); t.Context().Err() == nil; <-tick {
			if _, err := os.Stat(filepath.Join(dir, "log/hsw1.log")); err == nil {
				return
			}
		}
	}()
	if _, err := testbed.Start(ctx, testbed.Options{Dir: dir, ExtraConf: broken}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled start: %v", err)
	}
	gone(t, dir)
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	dir := newDir(t)
	_, err = testbed.Start(t.Context(), testbed.Options{Dir: dir, BasePort: port})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("something listens on 127.0.0.1:%d", port)) {
		t.Errorf("the port is taken: %v", err)
	}
	gone(t, dir)
}

// slurmctld itself meets a port that is taken: its log is in the error.
func TestPortTakenLater(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := newDir(t)
	_, err = testbed.Start(t.Context(), testbed.Options{Dir: dir,
		ExtraConf: fmt.Sprintf("SlurmctldPort=%d", l.Addr().(*net.TCPAddr).Port)})
	if err == nil || !strings.Contains(err.Error(), "slurmctld ended") || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("slurmctld's port is taken: %v", err)
	}
	gone(t, dir)
}

func TestBadConf(t *testing.T) {
	dir := newDir(t)
	_, err := testbed.Start(t.Context(), testbed.Options{Dir: dir, ExtraConf: "NoSuchKey=1"})
	if err == nil || !strings.Contains(err.Error(), "NoSuchKey") {
		t.Errorf("a bad slurm.conf: %v", err)
	}
	gone(t, dir)
}

func TestMissingProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := newDir(t)
	_, err := testbed.Start(t.Context(), testbed.Options{Dir: dir})
	var m *testbed.MissingError
	if !errors.As(err, &m) {
		t.Fatalf("no programs on PATH: %v", err)
	}
	if !strings.Contains(err.Error(), "sbatch, scancel, scontrol, sdiag, sinfo, squeue, srun (Debian packages: nix-bin, slurm-client)") {
		t.Errorf("the message: %v", err)
	}
	if want := "apt-get install --no-install-recommends nix-bin slurm-client"; m.Hint() != want {
		t.Errorf("the hint: %q, want %q", m.Hint(), want)
	}
	gone(t, dir)
}

func TestRefusedDirectories(t *testing.T) {
	base := filepath.Dir(newDir(t))
	full, open := filepath.Join(base, "full"), filepath.Join(base, "open")
	for _, d := range []string{full, full + "/x", open} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chmod(open, 0o777), os.Symlink(open, base+"/link")); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		full:                              "is not empty",
		open:                              "only its owner",
		base + "/link":                    "only its owner",
		base + "/a b":                     "cannot hold this path",
		base + "/%n":                      "cannot hold this path",
		base + "/no/such/parent":          "no such file",
		"/tmp/" + strings.Repeat("x", 60): "65 bytes long",
	} {
		_, err := testbed.Start(t.Context(), testbed.Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
	if _, err := os.Stat(full + "/x"); err != nil {
		t.Errorf("a refused directory was touched: %v", err)
	}
	if _, err := testbed.Open(full); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opened a directory that is no cluster's: %v", err)
	}
}

func TestKeep(t *testing.T) {
	dir := newDir(t)
	_, kept := testbed.Start(t.Context(), testbed.Options{Dir: dir, ExtraConf: "NoSuchKey=1", Keep: true})
	if kept == nil {
		t.Fatal("a bad slurm.conf was taken")
	}
	if left := ours(t, dir, dir); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
	c, err := testbed.Open(dir)
	if err != nil {
		t.Fatalf("the directory was not kept: %v", err)
	}
	if c.Up() || c.Logs("slurmctld") == "" {
		t.Errorf("up: %v; log: %q", c.Up(), c.Logs("slurmctld"))
	}
	if !strings.HasSuffix(kept.Error(), "\nkept: "+dir) {
		t.Errorf("the error does not say what was kept: %v", kept)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	gone(t, dir)
}
