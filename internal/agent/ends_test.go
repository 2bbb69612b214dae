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
	"github.com/nixbatch/nixbatch/internal/stage"
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
	refuses(t, a, "input in.dat is missing")
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
	if got := a.payloadEnv(); !slices.Equal(got, []string{"HOME=/h", "SLURM_CPUS_PER_TASK=2", "SLURM_JOB_ID=1", "LANG=C.UTF-8"}) {
		t.Errorf("payload %q", got)
	}
	if got := a.stepEnv(); !slices.Equal(got, []string{"HOME=/h", "SLURM_JOB_ID=1", "PATH=/bin"}) {
		t.Errorf("step %q", got)
	}
}

// A task of its own directory works on what was submitted, in a home of its own;
// its outputs are kept and put back, what it does to its inputs is its own affair,
// and a later attempt goes on from what it left.
func TestOwnDirectory(t *testing.T) {
	a, f, log := task(t)
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	a.plan.Workdir, a.plan.Home, a.plan.Kept = "own", "own", &plan.Kept{Below: 1000}
	a.plan.Inputs, a.plan.Outputs, a.plan.Run = []string{"in.dat"}, []string{"out.txt", "none.txt"}, "prog missed.dat"
	f.env["TMPDIR"], f.env["LC_ALL"] = t.TempDir(), "de_DE"
	write(t, "in.dat", "submitted")
	write(t, "missed.dat", "")
	k := stage.Keeper{Shared: a.Run.Project.Kept(), Run: a.Run.KeptDir(), Below: 1000}
	var in []facts.File
	if err = os.MkdirAll(k.Run, 0o700); err == nil {
		in, err = k.All([]string{"in.dat"}, func(n string) string { return n }, 1<<20)
	}
	if err == nil {
		err = durable.Write(a.Run.InputsFile(), facts.Inputs{Schema: facts.InputsSchema, Files: in})
	}
	if err != nil {
		t.Fatal(err)
	}
	write(t, "in.dat", "edited")
	f.payload.life = func(p *fakePayload) error {
		if text, err := os.ReadFile(p.cmd.Dir + "/in.dat"); err != nil || string(text) != "submitted" || p.cmd.Dir == wd {
			t.Errorf("in %s: %q, %v", p.cmd.Dir, text, err)
		}
		for _, want := range []string{"HOME=" + a.Run.HomeDir(0), "LANG=C.UTF-8", "TMPDIR=" + f.env["TMPDIR"] + "/nixbatch-"} {
			if !slices.ContainsFunc(p.cmd.Env, func(kv string) bool { return strings.HasPrefix(kv, want) }) {
				t.Errorf("%s is not in %q", want, p.cmd.Env)
			}
		}
		write(t, p.cmd.Dir+"/in.dat", "by the task")
		write(t, p.cmd.Dir+"/out.txt", "first")
		write(t, p.cmd.Dir+"/state", "1")
		return exited(3)
	}
	_, e := end(t, a)
	if len(e.Changed) > 0 || len(e.Outputs) != 2 || !e.Outputs[0].Kept || e.Outputs[1].Why() != facts.SkipMissing || len(e.NotCopied) > 0 {
		t.Errorf("%+v\n%s", e, log)
	}
	if !slices.Equal(e.NotInputs, []string{"missed.dat"}) || !strings.Contains(log.String(), "hint: missed.dat lies beside the job file") {
		t.Errorf("not among inputs: %v\n%s", e.NotInputs, log)
	}
	for name, want := range map[string]string{"out.txt": "first", "in.dat": "edited", stage.In(a.Run.KeptDir(), e.Outputs[0].SHA256): "first"} {
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if left, err := os.ReadDir(f.env["TMPDIR"]); err != nil || len(left) > 0 {
		t.Errorf("left in TMPDIR: %v, %v", left, err)
	}
	a.start, a.dir, a.plan.Outputs = facts.Start{}, "", []string{"out.txt"}
	f.env["SLURM_RESTART_COUNT"] = "1"
	f.payload.life = func(p *fakePayload) error {
		for name, want := range map[string]string{"in.dat": "by the task", "state": "1", "out.txt": "first"} {
			if text, err := os.ReadFile(p.cmd.Dir + "/" + name); err != nil || string(text) != want {
				t.Errorf("later, %s: %q, %v", name, text, err)
			}
		}
		write(t, p.cmd.Dir+"/out.txt", "second")
		return nil
	}
	if _, e = end(t, a); e.ExitCode != 0 || e.Attempt != 1 {
		t.Errorf("%+v\n%s", e, log)
	}
	if text, err := os.ReadFile("out.txt"); err != nil || string(text) != "second" {
		t.Errorf("%q, %v", text, err)
	}
}

// What appears beside a shared job file and is no output is listed.
func TestUndeclared(t *testing.T) {
	a, f, _ := task(t)
	a.plan.Workdir, a.plan.Outputs = "shared", []string{"out.txt"}
	write(t, "there", "")
	f.payload.life = func(*fakePayload) error {
		write(t, "out.txt", "")
		write(t, "made/by it", "")
		return nil
	}
	if _, e := end(t, a); !slices.Equal(e.Undeclared, []string{"made/by it"}) {
		t.Errorf("undeclared: %q", e.Undeclared)
	}
}

// What a task left on a node before it went on elsewhere is not gone on with, and
// what the attempt before carried is.
func TestScratchOfAnEarlierAttempt(t *testing.T) {
	for before, goesOn := range map[string]bool{"1": true, "0": false, "": false} {
		a, f, _ := task(t)
		f.env["TMPDIR"], f.env["SLURM_RESTART_COUNT"] = t.TempDir(), "2"
		a.plan.Scratch = &plan.Scratch{Dir: "$TMPDIR"}
		top := f.env["TMPDIR"] + "/nixbatch-water-1-0"
		for _, n := range []int{0, 1} {
			write(t, a.Run.AttemptDir(0, n)+"/x", "")
		}
		write(t, a.Run.CarryDir(0)+"/state.chk", "carried")
		write(t, top+"/work/state.chk", "on the node")
		write(t, top+"/laid", "")
		if before != "" {
			write(t, top+"/attempt", before)
		}
		f.payload.life = func(p *fakePayload) error {
			want := map[bool]string{true: "on the node", false: "carried"}[goesOn]
			if text, err := os.ReadFile(p.cmd.Dir + "/state.chk"); err != nil || string(text) != want {
				t.Errorf("after attempt %q: %q, %v", before, text, err)
			}
			return nil
		}
		if _, e := end(t, a); e.Attempt != 2 || exists(top) {
			t.Errorf("%+v", e)
		}
	}
}
