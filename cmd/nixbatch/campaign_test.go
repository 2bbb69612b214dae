package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

// The campaign injects faults into submissions at random and lets the real queue
// be the judge: after every one, nixbatch must know exactly the job that Slurm
// has, or say that there is none; and no payload may run twice. make faults runs
// 500 of them, go test a sample that differs every time.
const faultsVar = "NIXBATCH_FAULTS"

// breakage is what goes wrong in one submission.
type breakage struct {
	name string
	// sbatch stands in front of the real one, $REAL; "" for nothing.
	sbatch string
	// kill is a random moment at which nixbatch is killed.
	kill bool
	// twice submits a second time at the same moment.
	twice bool
	// limit is ulimit's, of the size of files: a disk that is full early.
	limit int
}

var faults = []breakage{
	{name: "killed before", sbatch: `kill -KILL $$`},
	{name: "killed after", sbatch: `"$REAL" "$@"; kill -KILL $$`},
	{name: "killed meanwhile", sbatch: `"$REAL" "$@" & sleep 0.0$RAND; kill -KILL $!; kill -KILL $$`},
	{name: "timed out before", sbatch: timedOut},
	{name: "timed out after", sbatch: `"$REAL" "$@" >/dev/null; ` + timedOut},
	{name: "banner", sbatch: `echo "*** welcome ***"; echo 17 users; "$REAL" "$@"; echo bye`},
	{name: "warning", sbatch: `echo "sbatch: warning: be nice" >&2; exec "$REAL" "$@"`},
	{name: "silent before", sbatch: `cat >/dev/null`},
	{name: "silent after", sbatch: `"$REAL" "$@" >/dev/null`},
	{name: "nixbatch killed by its sbatch, before", sbatch: `kill -KILL $PPID; kill -KILL $$`},
	{name: "nixbatch killed, sbatch goes on", sbatch: `kill -KILL $PPID; sleep 0.$RAND; exec "$REAL" "$@"`},
	{name: "nixbatch killed after", sbatch: `"$REAL" "$@" >/dev/null; kill -KILL $PPID`},
	{name: "nixbatch killed at any moment", kill: true},
	{name: "all killed at any moment", kill: true, sbatch: `exec "$REAL" "$@"`},
	{name: "two at once", twice: true},
	{name: "two at once, timed out", twice: true, sbatch: `"$REAL" "$@" >/dev/null; ` + timedOut},
	{name: "no room", limit: 1},
	{name: "little room", limit: 4},
}

type campaign struct {
	c    *testbed.Cluster
	dir  string
	env  []string
	bin  string
	real string

	mu                               sync.Mutex
	lost, doubled, wrong, jobs, none int
}

func TestFaultCampaign(t *testing.T) {
	n := 36
	if s := os.Getenv(faultsVar); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Parallel()
	shared := bed(t)
	own, err := testbed.Start(t.Context(), testbed.Options{NoNix: true,
		Classes: []testbed.Class{{Name: "n", Nodes: 3, Sockets: 1, Cores: 64, Threads: 1, MemoryMiB: 64000, Features: []string{"x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Stop(); err != nil {
			t.Error(err)
		}
	})
	k := &campaign{c: own, dir: t.TempDir(), bin: filepath.Join(shared.Dir, "bin", "nixbatch")}
	if k.real, err = exec.LookPath("sbatch"); err != nil {
		t.Fatal(err)
	}
	if k.env, err = place(own, k.dir); err != nil {
		t.Fatal(err)
	}
	k.write("warm.yaml", k.job("warm"))
	if out, code := k.run("", "build", "warm.yaml"); code != 0 {
		t.Fatalf("build: %d\n%s", code, out)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d faults, seed %d", n, seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	// The controller goes down and comes back while submissions are under way.
	pauses := make(chan struct{})
	var down sync.WaitGroup
	down.Go(func() {
		for range pauses {
			if err := own.StopController(context.Background()); err != nil {
				t.Error(err)
				return
			}
			if err := own.StartController(context.Background()); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var wg sync.WaitGroup
	work := make(chan func())
	for range 4 {
		wg.Go(func() {
			for f := range work {
				f()
			}
		})
	}
	for i := range n {
		f := faults[i%len(faults)]
		r := rand.New(rand.NewPCG(rng.Uint64(), uint64(i)))
		work <- func() { k.one(t, i, f, r) }
		if i%60 == 30 {
			pauses <- struct{}{}
		}
	}
	close(work)
	wg.Wait()
	close(pauses)
	down.Wait()
	t.Logf("%d faults: %d ended in one job, %d in none; %d lost, %d doubled, %d told wrongly", n, k.jobs, k.none, k.lost, k.doubled, k.wrong)
	if k.lost+k.doubled+k.wrong > 0 {
		t.Fail()
	}
}

// job ends only when it is let go: two submissions at once are two of the same
// as long as the first one's job is there.
func (k *campaign) job(name string) string {
	return "name: " + name + "\nenvironment: {nixpkgs: {path: minipkgs}, packages: [archprobe]}\n" +
		"optimize: {arch: generic}\nslurm: {mem: 10M, time: 60}\nrun: |\n" +
		"  until [ -e go." + name + " ]; do /usr/bin/sleep 0.1; done\n  echo \"$NIXBATCH_RUN\" >>ran." + name + "\n"
}

func (k *campaign) write(name, text string) {
	if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
		panic(err)
	}
}

// command is nixbatch with the programs in front of the real ones.
func (k *campaign) command(front string, args ...string) *exec.Cmd {
	cmd := exec.Command(k.bin, args...)
	cmd.Dir, cmd.WaitDelay = k.dir, time.Second
	cmd.Env = append(k.env[:len(k.env):len(k.env)], "PATH="+front+":"+os.Getenv("PATH"))
	return cmd
}

func (k *campaign) run(front string, args ...string) (string, int) {
	cmd := k.command(front, args...)
	out, _ := cmd.CombinedOutput() // the exit code tells
	return string(out), cmd.ProcessState.ExitCode()
}

// one injects a fault and judges.
func (k *campaign) one(t *testing.T, i int, f breakage, r *rand.Rand) {
	name := fmt.Sprintf("c%04d", i)
	k.write(name+".yaml", k.job(name))
	front := filepath.Join(k.dir, "front-"+name)
	if err := os.Mkdir(front, 0o700); err != nil {
		t.Error(err)
		return
	}
	if f.sbatch != "" {
		text := fmt.Sprintf("#!/bin/sh\nREAL=%s RAND=%02d\n%s\n", proc.Quote(k.real), r.IntN(100), f.sbatch)
		if err := os.WriteFile(filepath.Join(front, "sbatch"), []byte(text), 0o700); err != nil {
			t.Error(err)
			return
		}
	}
	said := k.submit(t, front, name+".yaml", f, r)
	k.write("go."+name, "")
	run, out := k.settled(t, name)
	jobs, err := k.queue(name)
	if err != nil {
		t.Errorf("%s, %s: the queue: %v", name, f.name, err)
		return
	}
	// Jobs of a submission that was given up stop before their payload.
	k.drain(t, name)
	payloads := 0
	if data, err := os.ReadFile(filepath.Join(k.dir, "ran."+name)); err == nil {
		payloads = strings.Count(string(data), "\n")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	problem := ""
	switch {
	case len(jobs) > 1 || payloads > 1:
		k.doubled++
		problem = "doubled"
	case len(jobs) == 1 && (run == nil || run.JobID != jobs[0].ID):
		k.lost++
		problem = "lost"
	case len(jobs) == 0 && run != nil && (run.JobID != 0 || run.Submitted):
		k.wrong++
		problem = "told wrongly"
	case len(jobs) == 1:
		k.jobs++
	default:
		k.none++
	}
	if problem != "" {
		t.Errorf("%s, %s: %s: queue %+v, run %+v, %d payloads\nsubmit said: %s\nstatus said: %s", name, f.name, problem, jobs, run, payloads, said, out)
	}
}

// submit runs nixbatch submit under the fault, and returns what it said.
func (k *campaign) submit(t *testing.T, front, file string, f breakage, r *rand.Rand) string {
	cmd := k.command(front, "submit", file)
	if f.limit > 0 {
		cmd = exec.Command("/bin/sh", "-c", fmt.Sprintf("ulimit -f %d; exec %s submit %s", f.limit, proc.Quote(k.bin), file))
		cmd.Dir, cmd.Env, cmd.WaitDelay = k.dir, append(k.env[:len(k.env):len(k.env)], "PATH="+front+":"+os.Getenv("PATH")), time.Second
	}
	var b strings.Builder
	var second *exec.Cmd
	if f.twice {
		second = k.command(front, "submit", file)
		if err := second.Start(); err != nil {
			t.Error(err)
		}
	}
	cmd.Stdout, cmd.Stderr = &b, &b
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return ""
	}
	if f.kill {
		pid := cmd.Process.Pid
		if f.sbatch != "" {
			pid = -pid
		}
		timer := time.AfterFunc(time.Duration(r.IntN(250))*time.Millisecond, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		defer timer.Stop()
	}
	_ = cmd.Wait() // the queue is the judge
	if second != nil {
		_ = second.Wait()
	}
	return b.String()
}

// settled asks for the state of the one run of a name until it is known; nil if
// there is no such run.
func (k *campaign) settled(t *testing.T, name string) (*listed, string) {
	deadline := time.Now().Add(patience)
	for {
		out, err := k.command("", "status", "--json", name).Output()
		var doc struct {
			Schema string
			Runs   []listed
		}
		if jerr := json.Unmarshal(out, &doc); jerr != nil {
			t.Errorf("status: %v, %v: %s", err, jerr, out)
			return nil, string(out)
		}
		if doc.Schema != "nixbatch/status/v1" {
			return nil, string(out) // no such run
		}
		r := doc.Runs[0]
		if r.JobID != 0 || !r.Submitted {
			return &r, string(out)
		}
		if time.Now().After(deadline) {
			return &r, string(out)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// queue is what the controller has of a name.
func (k *campaign) queue(name string) ([]slurm.Job, error) {
	client := slurm.Client{Env: k.c.Env()}
	var jobs []slurm.Job
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); { // it may be down at the moment
		if jobs, err = client.Queue(context.Background(), slurm.Query{Name: name}); err == nil {
			return jobs, nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return jobs, err
}

// drain waits until no job of the name waits or runs.
func (k *campaign) drain(t *testing.T, name string) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		jobs, err := k.queue(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		open := false
		for _, j := range jobs {
			open = open || !j.State.Final()
		}
		if !open {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%s: its jobs do not end", name)
}
