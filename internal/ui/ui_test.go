package ui_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
)

type hinted struct{ error }

func (hinted) Hint() string { return "do \x1b[2Jthis" }

func TestPrintError(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"plain", errors.New("no such thing"), "nixbatch: no such thing\n"},
		{"with a way out, however deep", fmt.Errorf("plan: %w", hinted{errors.New("it is wrong")}),
			"nixbatch: plan: it is wrong\nhint: do \\x1b[2Jthis\n"},
		{"what would steer a terminal", errors.New("file \"\x1b]0;title\a\u009b31m\" \x7f\r is\tbad"), `nixbatch: file "\x1b]0;title\x07\u009b31m" \x7f\r is bad` + "\n"},
		{"several lines", errors.Join(errors.New("one"), errors.New("two")), "nixbatch: one\n  two\n"},
		{"several lines, however deep", fmt.Errorf("a: %w", errors.Join(errors.New("one\nFORGED"), fmt.Errorf("b: %w", errors.Join(errors.New("two"), errors.New("three"))))),
			"nixbatch: a: one\\nFORGED\n  b: two\n  three\n"},
		{"a line end of somebody else's", fmt.Errorf("x: %w", errors.New("a\nnixbatch: b")), "nixbatch: x: a\\nnixbatch: b\n"},
		{"other scripts", errors.New("ünï ☃"), "nixbatch: ünï ☃\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b bytes.Buffer
			ui.PrintError(&b, tc.err)
			if d := cmp.Diff(tc.want, b.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	_, err := jobspec.Parse("job.yaml", []byte("name: ok\nrum: x\nrun: \"true\"\n"))
	if err == nil {
		t.Fatal("no problems")
	}
	var b bytes.Buffer
	ui.PrintError(&b, fmt.Errorf("load: %w", err))
	if !strings.HasPrefix(b.String(), "job.yaml:") || strings.Contains(b.String(), "nixbatch:") || !strings.Contains(b.String(), "job.yaml:2:1: ") {
		t.Errorf("said: %s", b.String())
	}
	b.Reset()
	ui.PrintErrorJSON(&b, err, 2)
	var doc struct {
		Schema   string
		ExitCode int `json:"exit_code"`
		Message  string
		Problems []struct {
			File          string
			Line, Column  int
			Message, Hint string
		}
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != "nixbatch/error/v1" || doc.ExitCode != 2 || len(doc.Problems) != 2 ||
		!strings.HasPrefix(doc.Message, "2 problems in ") || doc.Problems[1].Line != 2 || doc.Problems[1].Hint == "" {
		t.Errorf("%+v", doc)
	}
}

func TestPrintErrorJSON(t *testing.T) {
	var b bytes.Buffer
	ui.PrintErrorJSON(&b, hinted{errors.New("a < b & c\x1b")}, 3)
	want := "{\n  \"schema\": \"nixbatch/error/v1\",\n  \"exit_code\": 3,\n  \"message\": \"a < b & c\\u001b\",\n  \"hint\": \"do \\u001b[2Jthis\"\n}\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestSeconds(t *testing.T) {
	for s, want := range map[float64]string{0: "0.00 s", 0.0149: "0.01 s", 59.99: "59.99 s", 60: "1m0s", 3725.4: "1h2m5s", 90061: "25h1m1s"} {
		if got := ui.Seconds(s); got != want {
			t.Errorf("%v: %s, want %s", s, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "now", 59 * time.Second: "now", time.Minute: "1 min", 59*time.Minute + 59*time.Second: "59 min",
		time.Hour: "1 h", 47 * time.Hour: "47 h", 48 * time.Hour: "2 days", 400 * 24 * time.Hour: "400 days",
	} {
		if got := ui.Age(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestPrintStatus(t *testing.T) {
	exit := 3
	var b bytes.Buffer
	ui.PrintStatus(&b, []status.Status{
		{Run: rundir.Run{ID: "a-1"}, State: slurm.Failed, Reason: "exit code 3", Job: facts.Submit{JobID: 12},
			Brief: status.Brief{Build: "haswell", Elapsed: 61, Exit: &exit}},
		{Run: rundir.Run{ID: "a-2"}, State: slurm.Pending, Job: facts.Submit{JobID: 13}, Reason: "Priority"},
		{Run: rundir.Run{ID: "a-3"}, State: slurm.Running, Job: facts.Submit{Local: true}},
		{Run: rundir.Run{ID: "a-4"}, State: slurm.Unknown, NotSubmitted: true, Reason: "interrupted before it was submitted"},
	})
	want := `RUN  JOB    STATE          BUILD    ELAPSED  EXIT  REASON
a-1  12     failed         haswell  1m1s     3     exit code 3
a-2  13     pending        -        -        -     Priority
a-3  local  running        -        -        -     -
a-4  -      not submitted  -        -        -     interrupted before it was submitted
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestPrintEnd(t *testing.T) {
	var b bytes.Buffer
	ui.PrintEnd(&b, status.Status{
		Run: rundir.Run{ID: "a-1", Dir: "/p/.nixbatch/runs/a-1"}, State: slurm.Completed,
		Start: &facts.Start{Threads: 2, Build: facts.Chosen{Arch: "haswell"}, Nodes: []facts.Node{{CPU: cpuflags.CPU{Name: "Some CPU"}}}},
		End: &facts.End{Elapsed: 1.5, Outputs: []facts.File{{Path: "there"}, {Path: "none", Skipped: "no such file"}},
			Changed: []facts.InputChange{{Path: "in", What: "other contents at the end"}}},
	})
	want := `completed in 1.50 s: build haswell on Some CPU, 2 threads
output none: no such file
input in changed while the job ran: other contents at the end
record /p/.nixbatch/runs/a-1
log    /p/.nixbatch/runs/a-1/logs/0.log
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
	b.Reset()
	ui.PrintEnd(&b, status.Status{Run: rundir.Run{Dir: "/r"}, State: slurm.NodeFail, Reason: "its node was lost"})
	if d := cmp.Diff("node-fail (its node was lost)\nrecord /r\nlog    /r/logs/0.log\n", b.String()); d != "" {
		t.Error(d)
	}
}

// What a state does not tell stands in a completed run's line; a reason is one
// line, of a length that a line can have.
func TestPrintStatusReasons(t *testing.T) {
	exit := 0
	var b bytes.Buffer
	ui.PrintStatus(&b, []status.Status{
		{Run: rundir.Run{ID: "a-1"}, State: slurm.Completed, Job: facts.Submit{JobID: 1}, Brief: status.Brief{Elapsed: 1, Exit: &exit, Note: "output no.txt missing"}},
		{Run: rundir.Run{ID: "a-2"}, State: slurm.Running, Job: facts.Submit{JobID: 2}, Brief: status.Brief{Note: "output no.txt missing"}},
		{Run: rundir.Run{ID: "a-3"}, State: slurm.Failed, Job: facts.Submit{JobID: 3}, Reason: "one\ntwo \x1b[2J " + strings.Repeat("x", 300)},
	})
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 5 || !strings.HasSuffix(lines[1], "  0     output no.txt missing") || strings.Contains(lines[2], "missing") ||
		!strings.Contains(lines[3], "  one two \\x1b[2J xx") || !strings.HasSuffix(lines[3], "x…") || len(lines[3]) > 280 {
		t.Errorf("printed:\n%s", b.String())
	}
}

// The end of a sweep: one line for each task of which there is more to tell, and
// the log of the first that failed.
func TestPrintEndOfSweep(t *testing.T) {
	s := status.Status{Run: rundir.Run{ID: "a-1", Dir: "/r"}, State: slurm.Failed, Reason: "completed 7, failed 2", Counts: map[slurm.State]int{slurm.Failed: 2},
		Start: &facts.Start{Threads: 1, Build: facts.Chosen{Arch: "haswell"}, Nodes: []facts.Node{{CPU: cpuflags.CPU{Name: "Some CPU"}}}}}
	for i := range 9 {
		k := status.TaskStatus{Task: i, Submitted: true, State: slurm.Completed}
		if i > 1 {
			k.Brief.Note = "output o missing"
		}
		if i == 4 || i == 5 {
			k.State = slurm.Failed
		}
		s.Tasks = append(s.Tasks, k)
	}
	var b bytes.Buffer
	ui.PrintEnd(&b, s)
	want := `failed (completed 7, failed 2): build haswell on Some CPU, 1 thread
task 2: output o missing
task 3: output o missing
task 4: output o missing
task 5: output o missing
task 6: output o missing
and 2 tasks more with such notes; nixbatch status a-1 --tasks
record /r
log    /r/logs/4.log
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestPrintPlan(t *testing.T) {
	var b, reasons bytes.Buffer
	not := []cpuflags.WhyNot{{Arch: "znver9", Missing: []string{"flag"}}}
	p := &plan.Plan{
		Name: "job", Packages: []string{"a", "b.c"},
		Classes: []plan.Class{
			{Nodes: "n[1-2]", CPU: "Some CPU", From: "probe", Level: "x86-64-v3", Best: "znver3", Build: "znver3", Why: "the best", Not: not},
			{Nodes: "m1", Why: "nothing is known of this CPU", Build: "generic"},
		},
		Builds:  []plan.Build{{Arch: "znver3", Tune: "znver3", Why: "the best for n[1-2]"}, {Arch: "generic", Why: "for the others"}},
		Threads: plan.Threads{PerTask: 4},
		Pins: []plan.Pin{
			{Role: "nixpkgs", Kind: "github", From: "NixOS/nixpkgs", Rev: "0123456789abcdef", Hash: "sha256-x"},
			{Role: "overlay", Kind: "path", Hash: "sha256-y"},
		},
		Notes: []string{"one", "two"},
	}
	costs := map[string]string{"znver3": "1 to build", "generic": "ready"}
	ui.PrintPlan(&b, p, costs, nil, false)
	ui.PrintPlan(&reasons, p, costs, nil, true)
	for _, line := range []string{
		"job: a b.c",
		"n[1-2]  Some CPU  probe  x86-64-v3  znver3  znver3   the best",
		"m1      -         -      -          -       generic  nothing is known of this CPU",
		"znver3   znver3  1 to build  the best for n[1-2]",
		"generic  -       ready       for the others",
		"threads   4 a task",
		"nixpkgs   github NixOS/nixpkgs 0123456789ab sha256-x",
		"overlay   path sha256-y",
		"note: one", "note: two",
		"  better ones that cannot be used: 1; --why names them, and what stands in their way",
	} {
		if !strings.Contains("\n"+b.String(), "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, b.String())
		}
	}
	if strings.Contains(b.String(), "znver9") || !strings.Contains(reasons.String(), "\n  n[1-2] not znver9: lacks flag\n") {
		t.Errorf("the reasons come with --why alone:\n%s\n%s", b.String(), reasons.String())
	}
}
