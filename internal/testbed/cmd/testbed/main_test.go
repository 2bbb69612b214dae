package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// commandVar makes this test program be the command.
const commandVar = "TESTBED_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(commandVar) != "" {
		os.Unsetenv(commandVar)
		main()
	}
	testbed.Main(m)
}

// command runs testbed in this process.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errb bytes.Buffer
	code = run(t.Context(), append([]string{"testbed"}, args...), &out, &errb)
	return code, out.String(), errb.String()
}

// want runs testbed, and checks its exit code and what it says.
func want(t *testing.T, code int, says string, args ...string) string {
	t.Helper()
	got, out, errb := command(t, args...)
	if got != code || !strings.Contains(out+errb, says) {
		t.Fatalf("testbed %q: exit code %d, want %d and %q\n%s%s", args, got, code, says, out, errb)
	}
	return out
}

func newDir(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "nbt-test-")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "c")
	t.Cleanup(func() {
		if c, err := testbed.Open(dir); err == nil {
			c.Stop()
		}
		os.RemoveAll(base)
	})
	return dir
}

// A person's session: up, up again, look, enter, down, down again.
func TestUpDown(t *testing.T) {
	dir := newDir(t)
	want(t, 1, "not up: "+dir, "status", "--dir", dir)
	want(t, 1, "hint: testbed up", "env", "--dir", dir)
	want(t, 0, "not up: "+dir, "down", "--dir", dir)
	want(t, 0, "up: "+dir, "up", "--dir", dir)
	want(t, 0, "already up: "+dir, "up", "--dir", dir)
	want(t, 0, "skylake_avx512,avx512", "status", "--dir", dir)
	shell := want(t, 0, "export SLURM_CONF="+dir+"/slurm.conf", "env", "--dir", dir)
	res, err := proc.System{}.Run(t.Context(), proc.Cmd{Path: "sh", Args: []string{"-eu", "-c",
		shell + `srun -wzen1 printenv SLURMD_NODENAME; echo "$HOME ${NIX_SSL_CERT_FILE-unset}"`},
		Env: append(os.Environ(), "NIX_SSL_CERT_FILE=/x")})
	if err != nil || string(res.Stdout) != "zen1\n"+dir+"/home "+sslAfter()+"\n" {
		t.Errorf("in the environment: %q, %v", res.Stdout, err)
	}
	want(t, 0, "down: "+dir, "down", "--dir", dir)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

// sslAfter is what becomes of NIX_SSL_CERT_FILE: env unsets what it was run with.
func sslAfter() string {
	if _, set := os.LookupEnv("NIX_SSL_CERT_FILE"); set {
		return "unset"
	}
	return "/x"
}

// What a machine that was switched off leaves is no cluster; up starts anew.
func TestUpAfterCrash(t *testing.T) {
	dir := newDir(t)
	want(t, 0, "up: "+dir, "up", "--dir", dir)
	c, err := testbed.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.StopController(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, 1, "not up: "+dir, "status", "--dir", dir)
	want(t, 0, "up: "+dir, "up", "--dir", dir)
	want(t, 0, "idle", "status", "--dir", dir)
	want(t, 0, "down: "+dir, "down", "--dir", dir)
}

func TestUsage(t *testing.T) {
	want(t, 2, "flag provided but not defined: -force", "up", "--force")
	want(t, 2, `up takes no argument, got "x"`, "up", "x")
	want(t, 2, `no command "start"`, "start")
	want(t, 2, "run needs a command", "run")
	want(t, 0, "take it down", "--help")
}

func TestDownRefusesOtherDirectories(t *testing.T) {
	dir := newDir(t)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(dir+"/slurm.conf", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	want(t, 0, "not up", "down", "--dir", dir)
	if _, err := os.Stat(dir + "/slurm.conf"); err != nil {
		t.Errorf("a directory that is no cluster's was removed: %v", err)
	}
}

func TestRunPassesTheExitCodeOn(t *testing.T) {
	dir := strings.TrimSpace(want(t, 7, "/", "run", "--", "sh", "-c", `echo "$NIXBATCH_TESTBED_DIR"; exit 7`))
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%q is still there: %v", dir, err)
	}
	want(t, 1, "no-such-program", "run", "--", "no-such-program")
}

// Each signal while a command runs takes the cluster down.
func TestInterruptedRun(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p, err := proc.Start(context.Background(), proc.Cmd{Path: "/proc/self/exe", Env: append(os.Environ(), commandVar+"=1"),
			Args: []string{"run", "--", "sh", "-c", `echo "$NIXBATCH_TESTBED_DIR"; exec sleep 1000`}, Stdout: w}, true)
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(r).ReadString('\n')
		if err != nil {
			p.Signal(os.Kill)
			p.Wait()
			t.Fatalf("run ended early: %v", err)
		}
		p.Signal(sig)
		p.Wait()
		if code := p.State().ExitCode(); code != 130 {
			t.Errorf("%v: exit code %d, want 130", sig, code)
		}
		if _, err := os.Stat(strings.TrimSpace(line)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: %s is still there: %v", sig, line, err)
		}
		r.Close()
	}
}
