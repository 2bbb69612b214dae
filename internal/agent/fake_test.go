package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// fake is a machine without processes, whose clock goes by a second whenever it
// is looked at.
type fake struct {
	env     map[string]string
	seen    Seen
	srun    func(proc.Cmd) (proc.Result, error)
	slurm   func(slurm.Command) (slurm.Output, error)
	payload *fakePayload
	signals chan os.Signal
	alarms  chan time.Time // After gives it for all times

	mu  sync.Mutex
	now time.Time
}

func (f *fake) Getenv(name string) string { return f.env[name] }
func (f *fake) Environ() (out []string) {
	for _, n := range slices.Sorted(maps.Keys(f.env)) {
		out = append(out, n+"="+f.env[n])
	}
	return out
}
func (f *fake) Hostname() (string, error)            { return "n1.example.org", nil }
func (f *fake) After(time.Duration) <-chan time.Time { return f.alarms }
func (f *fake) Look() (Seen, error)                  { return f.seen, nil }
func (f *fake) Affinity() []int                      { return []int{0, 1, 2, 3} }
func (f *fake) Limits() map[string]string            { return map[string]string{"stack": "8388608"} }
func (f *fake) Find(program string) (string, error)  { return "/site/bin/" + program, nil }

func (f *fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(time.Second)
	return f.now
}

func (f *fake) Run(_ context.Context, c proc.Cmd) (proc.Result, error) { return f.srun(c) }

func (f *fake) Client(env []string) *slurm.Client { return &slurm.Client{Env: env, Runner: asSlurm{f}} }

func (f *fake) Start(_ context.Context, c proc.Cmd) (Payload, error) {
	p := f.payload
	if p == nil {
		return nil, errors.New("no such file or directory")
	}
	p.cmd = c
	var text bytes.Buffer
	if _, err := io.Copy(&text, io.NewSectionReader(c.Extra[0], 0, 1<<20)); err != nil {
		return nil, err
	}
	p.script = text.String()
	fd, err := unix.Dup(int(c.Extra[1].Fd())) // ours is closed when the payload has it
	p.word = os.NewFile(uintptr(fd), "word")
	return p, err
}

func (f *fake) Signals(...os.Signal) (<-chan os.Signal, func()) { return f.signals, func() {} }

// asSlurm lets the machine answer as slurm.Runner.
type asSlurm struct{ *fake }

func (f asSlurm) Run(_ context.Context, c slurm.Command) (slurm.Output, error) { return f.slurm(c) }

// fakePayload lives until its life is over; got are the signals that it gets.
type fakePayload struct {
	life   func(*fakePayload) error
	cmd    proc.Cmd
	script string
	word   *os.File // a line comes when the start is written down
	got    chan syscall.Signal
}

func (p *fakePayload) Pid() int                { return 1 << 30 }
func (p *fakePayload) Signal(s syscall.Signal) { p.got <- s }

func (p *fakePayload) Used() (user, system time.Duration, rss int64) {
	return 1500 * time.Millisecond, 500 * time.Millisecond, 2048
}

func (p *fakePayload) Wait() error {
	word := make(chan string, 1)
	go func() {
		defer p.word.Close()
		text, _ := io.ReadAll(p.word)
		word <- string(text)
	}()
	select {
	case w := <-word:
		if w != "\n" {
			return exited(fault.Refused.ExitCode())
		}
		return p.life(p)
	case s := <-p.got: // before its first line
		return killed(s)
	}
}

// exited and killed are what a real process gives.
func exited(code int) error {
	if code == 0 {
		return nil
	}
	return &proc.Error{ExitCode: code}
}

func killed(s syscall.Signal) error {
	return &proc.Error{ExitCode: -1, Signal: s.String(), Err: ended{syscall.WaitStatus(s)}}
}

type ended struct{ syscall.WaitStatus }

func (s ended) Error() string { return "killed" }
func (s ended) Sys() any      { return s.WaitStatus }

// flags are those of a build and of what it stands on.
func flags(t *testing.T, arch string) cpuflags.CPU {
	t.Helper()
	hard, soft := cpuflags.Missing(cpuflags.NewSet(), arch)
	if len(hard) == 0 {
		t.Fatalf("%s needs nothing", arch)
	}
	return cpuflags.CPU{Arch: cpuflags.X86, Name: arch, Flags: cpuflags.NewSet(append(hard, soft...)...), Processors: 4}
}

// task is an agent of a fake machine with haswell's flags, in a run whose builds
// are znver4, haswell and generic. The test's working directory is the job's.
func task(t *testing.T) (*Agent, *fake, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	f := &fake{
		env: map[string]string{"SLURM_JOB_ID": "12", "SLURM_JOB_NUM_NODES": "1", "SLURM_CPUS_ON_NODE": "4", "SLURM_CLUSTER_NAME": "Here",
			"SLURM_NTASKS": "1", "SLURM_CPUS_PER_TASK": "4", "HOME": "/home/x", "PATH": "/site/bin", "LD_PRELOAD": "evil.so"},
		now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), signals: make(chan os.Signal), alarms: make(chan time.Time),
		seen: Seen{Learnt: facts.Learnt{Schema: facts.LearntSchema, Node: "n1", CPU: flags(t, "haswell")}},
	}
	f.payload = &fakePayload{got: make(chan syscall.Signal, 8), life: func(*fakePayload) error { return nil }}
	var log bytes.Buffer
	a := &Agent{Machine: f, Stdout: &log, Stderr: &log, Tool: facts.Tool{Version: "1"},
		Run: rundir.Run{ID: "water-1", Dir: filepath.Join(dir, ".nixbatch", "runs", "water-1"), Project: rundir.Project{Dir: filepath.Join(dir, ".nixbatch")}}}
	a.plan = &plan.Plan{
		Builds:    []plan.Build{{Arch: "znver4"}, {Arch: "haswell"}, {Arch: plan.Generic}},
		Resources: resources.Layout{MinNodes: 1, Tasks: 1, CPUsPerTask: 4, CPUsPerThread: 1, ThreadsPerTask: 4},
		Launcher:  "none",
	}
	for _, b := range a.plan.Builds {
		env := filepath.Join(dir, "store", b.Arch)
		err := errors.Join(os.MkdirAll(env, 0o700), os.MkdirAll(filepath.Dir(a.Run.EnvLink(b.Arch)), 0o700), os.Symlink(env, a.Run.EnvLink(b.Arch)))
		if err != nil {
			t.Fatal(err)
		}
	}
	return a, f, &log
}

// end runs the task from its claim to its end.
func end(t *testing.T, a *Agent) (code int, e facts.End) {
	t.Helper()
	if err := errors.Join(a.claim(), a.begin()); err != nil {
		t.Fatal(err)
	}
	code, err := a.work(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.Read(a.Run.EndFile(a.task, a.attempt), &e); err != nil {
		t.Fatal(err)
	}
	return code, e
}

// refuses runs the task, which has to be stopped before its payload.
func refuses(t *testing.T, a *Agent, want string) {
	t.Helper()
	err := errors.Join(a.claim(), a.begin())
	if err == nil {
		_, err = a.work(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if _, serr := os.Stat(a.Run.StartFile(a.task, a.attempt)); serr == nil {
		t.Error("it is said to have started")
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}
