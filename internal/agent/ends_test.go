package agent

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/slurm"
)

// A task from its claim to its end: what it starts with, and what it leaves.
func TestTask(t *testing.T) {
	a, f, log := task(t)
	write(t, "in.dat", "1")
	a.plan.Inputs, a.plan.Outputs = []string{"in.dat"}, []string{"out/*.txt", "none.txt"}
	f.payload.life = func(p *fakePayload) error {
		var s facts.Start
		if err := durable.Read(a.Run.StartFile(0, 0), &s); err != nil || s.Build.Arch != "haswell" || s.JobID != 12 || s.Cluster != "here" ||
			s.Threads != 4 || len(s.Inputs) != 1 || s.Priv.Hostname != "n1.example.org" || s.Limits["stack"] != "8388608" {
			t.Errorf("the lines began after %+v, %v", s, err)
		}
		write(t, "in.dat", "2")
		write(t, "out/a.txt", "result")
		return nil
	}
	code, e := end(t, a)
	if code != 0 || e.ExitCode != 0 || e.Reason != "" || e.Elapsed <= 0 || e.UserTime != 1.5 || e.SysTime != 0.5 || e.MaxRSS != 2048 {
		t.Errorf("%d, %+v\n%s", code, e, log)
	}
	if len(e.Outputs) != 2 || e.Outputs[0].Path != "out/a.txt" || e.Outputs[0].Size != 6 || e.Outputs[1].Skipped != "no such file" {
		t.Errorf("outputs %+v", e.Outputs)
	}
	if len(e.Changed) != 1 || e.Changed[0].What != "other contents at the end" {
		t.Errorf("changed %+v", e.Changed)
	}
	p := f.payload
	if !strings.HasSuffix(p.cmd.Path, "/store/haswell/bash") || !slices.Contains(p.cmd.Env, "HOME=/home/x") || slices.Contains(p.cmd.Env, "LD_PRELOAD=evil.so") {
		t.Errorf("started %+v", p.cmd)
	}
	if !strings.Contains(p.script, "export NIXBATCH_ARCH=haswell\n") || !strings.Contains(p.script, "export OMP_NUM_THREADS=4\n") {
		t.Errorf("the script:\n%s", p.script)
	}
}

// However the payload ends, the end says so, and the agent exits as a shell
// would.
func TestEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		signal syscall.Signal // that the agent gets
		ends   error
		code   int
		by     string
		reason string
	}{
		"by itself":             {0, exited(3), 3, "", ""},
		"killed":                {0, killed(syscall.SIGKILL), 137, "killed", ""},
		"told to end":           {syscall.SIGTERM, killed(syscall.SIGTERM), 143, "terminated", "told to end by signal: terminated"},
		"told, and ends well":   {syscall.SIGINT, exited(0), 0, "", "told to end by signal: interrupt"},
		"a signal of its own":   {syscall.SIGUSR1, exited(0), 0, "", ""},
		"that own signal kills": {syscall.SIGUSR2, killed(syscall.SIGUSR2), 140, "user defined signal 2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, f, log := task(t)
			f.payload.life = func(p *fakePayload) error {
				if tc.signal != 0 {
					f.signals <- tc.signal
					if got := <-p.got; got != tc.signal {
						t.Errorf("the payload got %s", got)
					}
				}
				return tc.ends
			}
			code, e := end(t, a)
			if code != tc.code || e.ExitCode != tc.code || e.Signal != tc.by || e.Reason != tc.reason {
				t.Errorf("exit code %d, %+v\n%s", code, e, log)
			}
		})
	}
}

// Nothing of the user's runs where the start cannot be written down, and the
// payload is not left behind.
func TestStartThatCannotBeWritten(t *testing.T) {
	a, f, _ := task(t)
	f.payload.life = func(*fakePayload) error { t.Error("the lines ran"); return nil }
	if err := a.claim(); err != nil {
		t.Fatal(err)
	}
	write(t, a.Run.StartFile(0, 0), "{}") // facts are written once
	if _, err := a.work(t.Context()); !errors.Is(err, durable.ErrExists) {
		t.Errorf("got %v", err)
	}
	if len(f.payload.got) > 0 {
		t.Error("the payload was not waited for")
	}
}

func TestRefused(t *testing.T) {
	a, _, _ := task(t)
	a.plan.Inputs = []string{"in.dat"}
	refuses(t, a, "input in.dat is missing")
	a, f, _ := task(t)
	f.payload = nil
	refuses(t, a, "the environment's bash could not be started")
	a, f, _ = task(t)
	a.plan.Scratch = &plan.Scratch{Dir: "$TMPDIR/x"}
	refuses(t, a, "$TMPDIR is not set on this node")
	a, f, _ = task(t)
	f.env["TMPDIR"] = t.TempDir()
	a.plan.Scratch = &plan.Scratch{Dir: "$TMPDIR", StageIn: []string{"in.dat"}}
	refuses(t, a, "scratch.stage-in: in.dat is missing")
}

// The checkpoint's signal lets the task go on in another attempt, if it ends in
// peace, by that signal, or because its time is over.
func TestCheckpoint(t *testing.T) {
	for name, tc := range map[string]struct {
		life    func(*fake, *fakePayload) error
		slurm   error
		code    int
		again   bool
		reason  string
		signals []syscall.Signal
	}{
		"in peace":      {func(*fake, *fakePayload) error { return nil }, nil, 0, true, "goes on in another attempt", nil},
		"by the signal": {func(*fake, *fakePayload) error { return killed(syscall.SIGUSR1) }, nil, 138, true, "goes on", nil},
		"a failure":     {func(*fake, *fakePayload) error { return exited(1) }, nil, 1, false, "", nil},
		"goes on for too long": {func(f *fake, p *fakePayload) error {
			f.alarms <- time.Time{} // the last moments have come
			if got := <-p.got; got != syscall.SIGTERM {
				return exited(9)
			}
			return killed(syscall.SIGTERM)
		}, nil, 143, true, "goes on", nil},
		"Slurm does not": {func(*fake, *fakePayload) error { return nil }, errors.New("slurmctld is away"), 138, false, "could not be requeued", nil},
	} {
		t.Run(name, func(t *testing.T) {
			a, f, log := task(t)
			a.plan.Checkpoint = &plan.Checkpoint{Signal: "USR1", Before: 300, Requeue: true, Files: []string{"state.chk"}}
			f.env["SLURM_ARRAY_JOB_ID"], f.env["SLURM_ARRAY_TASK_ID"] = "11", "3"
			var asked []string
			f.slurm = func(c slurm.Command) (slurm.Output, error) {
				asked = append(asked, c.Name+" "+strings.Join(c.Args, " "))
				return slurm.Output{}, tc.slurm
			}
			f.payload.life = func(p *fakePayload) error {
				if !strings.Contains(p.script, "trap : USR1\n") {
					t.Errorf("the script:\n%s", p.script)
				}
				f.signals <- syscall.SIGUSR1
				<-p.got
				write(t, "state.chk", "half")
				return tc.life(f, p)
			}
			code, e := end(t, a)
			if code != tc.code || e.Requeued != tc.again || !strings.Contains(e.Reason, tc.reason) {
				t.Errorf("exit code %d, %+v\n%s", code, e, log)
			}
			if tc.again && !slices.Equal(asked, []string{"scontrol requeue 11_3"}) {
				t.Errorf("asked %q", asked)
			}
			if len(e.Checkpoint) != 1 || e.Checkpoint[0].Size != 4 {
				t.Errorf("checkpoint %+v", e.Checkpoint)
			}
		})
	}
}

// A task works in its scratch directory; what it made is copied back, and the
// directory is gone, unless something could not be copied.
func TestScratch(t *testing.T) {
	for _, fails := range []bool{false, true} {
		a, f, log := task(t)
		f.env["TMPDIR"] = t.TempDir()
		write(t, "in.dat", "input")
		a.plan.Scratch = &plan.Scratch{Dir: "$TMPDIR", StageIn: []string{"in.dat"}, StageOut: []string{"out.*"}}
		a.plan.Outputs = []string{"out.txt"}
		f.payload.life = func(p *fakePayload) error {
			if text, err := os.ReadFile(p.cmd.Dir + "/in.dat"); err != nil || string(text) != "input" {
				t.Errorf("in the scratch directory: %q, %v", text, err)
			}
			write(t, p.cmd.Dir+"/out.txt", "result")
			if fails {
				write(t, "out.txt/in the way", "")
			}
			return nil
		}
		_, e := end(t, a)
		if exists(a.dir) != fails || len(e.NotCopied) != map[bool]int{true: 1}[fails] {
			t.Errorf("%s, %+v\n%s", a.dir, e, log)
		}
		if !fails && (len(e.Outputs) != 1 || e.Outputs[0].Size != 6) {
			t.Errorf("outputs %+v", e.Outputs)
		}
	}
}

// A task of a sweep has a log of its own, and its values over the job's.
func TestTaskOfASweep(t *testing.T) {
	a, f, log := task(t)
	a.plan.Sweep = &plan.Sweep{}
	a.plan.Env = []facts.Var{{Name: "basis", Value: "none"}}
	write(t, a.Run.TableFile(), `{"schema":"`+facts.SweepSchema+`","names":["basis"],"tasks":[`+"\n[\"sto-3g\"],\n[\"cc-pvdz\"]\n]}\n")
	f.env["SLURM_ARRAY_TASK_ID"] = "1"
	f.payload.life = func(*fakePayload) error { return exited(2) }
	code, e := end(t, a)
	if code != 2 || e.Task != 1 || log.Len() > 0 || !exists(a.Run.LogFile(1)) {
		t.Errorf("%d, %+v, %q", code, e, log)
	}
	if s := f.payload.script; !strings.Contains(s, "export basis=cc-pvdz\n") || strings.Contains(s, "basis=none") {
		t.Errorf("the script:\n%s", s)
	}
}

func TestEnvironmentOfThePayload(t *testing.T) {
	a, f, _ := task(t)
	f.env = map[string]string{"HOME": "/h", "SLURM_JOB_ID": "1", "SLURM_HINT": "nomultithread", "SLURM_CPUS_PER_TASK": "2", "PMIX_RANK": "0", "SECRET": "x", "PATH": "/bin"}
	if got := a.payloadEnv(); !slices.Equal(got, []string{"HOME=/h", "SLURM_CPUS_PER_TASK=2", "SLURM_JOB_ID=1"}) {
		t.Errorf("payload %q", got)
	}
	if got := a.stepEnv(); !slices.Equal(got, []string{"HOME=/h", "SLURM_JOB_ID=1", "PATH=/bin"}) {
		t.Errorf("step %q", got)
	}
}
