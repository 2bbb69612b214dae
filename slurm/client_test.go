package slurm_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/slurm"
)

// runner answers with what the function says, and notes the commands.
type runner struct {
	calls  []slurm.Command
	answer func(c slurm.Command) (stdout, stderr string, exit int)
	err    error // in place of an answer
}

func (r *runner) Run(_ context.Context, c slurm.Command) (slurm.Output, error) {
	r.calls = append(r.calls, c)
	if r.err != nil {
		return slurm.Output{}, r.err
	}
	out, errText, exit := r.answer(c)
	res := slurm.Output{Stdout: []byte(out), Stderr: []byte(errText)}
	if exit != 0 {
		return res, &slurm.CommandError{ExitCode: exit, Stderr: res.Stderr, Err: fmt.Errorf("exit status %d", exit)}
	}
	return res, nil
}

func says(stdout, stderr string, exit int) *runner {
	return &runner{answer: func(slurm.Command) (string, string, int) { return stdout, stderr, exit }}
}

func TestSubmitReadsTheID(t *testing.T) {
	for out, want := range map[string]slurm.JobRef{
		"12\n": {ID: 12}, "12;frontier\n": {ID: 12, Cluster: "frontier"},
	} {
		r := says(out, "sbatch: warning: your quota is nearly full\n", 0)
		got, err := (&slurm.Client{Runner: r, Env: []string{"A=1"}}).Submit(context.Background(), []byte("#!/bin/sh\n"), "--hold")
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", out, got, err)
		}
		c := r.calls[0]
		if len(r.calls) != 1 || c.Name != "sbatch" || !slices.Equal(c.Args, []string{"--parsable", "--hold"}) || !slices.Equal(c.Env, []string{"A=1"}) {
			t.Errorf("calls %v", r.calls)
		}
	}
	for _, out := range []string{"", "Submitted batch job 12\n", "12 34\n", "0\n", "-1\n", "99999999999999999999\n", "12", "12\n42\n", "12\n\n",
		"Welcome!\n12\n", "12\n--- goodbye ---\n", "  12\n", "12\r\n", "12;\n", "12\n12\n", "\x1b[1m12\n", "12\x00\n"} {
		_, err := (&slurm.Client{Runner: says(out, "", 0)}).Submit(context.Background(), nil)
		var se *slurm.SubmitError
		if !errors.As(err, &se) || !se.Ambiguous || se.Permanent {
			t.Errorf("%q: %v", out, err)
		}
	}
}

func TestSubmitErrors(t *testing.T) {
	failed := func(s string) string { return "sbatch: error: Batch job submission failed: " + s + "\n" }
	for _, tc := range []struct {
		stderr    string
		permanent bool
		line      string
	}{
		{"sbatch: error: invalid partition specified: x\n" + failed("Invalid partition name specified"), true, "Invalid partition name specified"},
		{failed("Invalid account or account/partition combination specified"), true, ""},
		{failed("Invalid qos specification"), true, ""},
		{failed("Requested time limit is invalid (missing or exceeds some limit)"), true, ""},
		{"sbatch: error: AssocMaxSubmitJobLimit\n" + failed("Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"), true, ""},
		{"sbatch: error: Memory specification can not be satisfied\n" + failed("Requested node configuration is not available"), true, ""},
		{"sbatch: error: Invalid --time specification\n", true, "Invalid --time specification"},
		{"sbatch: unrecognized option '--nosuch=1'\nTry \"sbatch --help\" for more information\n", true, "unrecognized option '--nosuch=1'"},
		{"sbatch: error: Invalid generic resource (gres) specification\n", true, ""},
		{"sbatch: error: Batch script is empty!\n", true, ""},

		{failed("Socket timed out on send/recv operation"), false, "Socket timed out on send/recv operation"},
		{failed("Unable to contact slurm controller (connect failure)"), false, ""},
		{failed("Zero Bytes were transmitted or received"), false, ""},
		{failed("Unspecified error"), false, ""},
		{failed("Some words of a later release"), false, ""},
		{"sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n" + failed("Resource temporarily unavailable"), false, ""},
		{failed("Invalid qos specification") + failed("Socket timed out on send/recv operation"), false, "Socket timed out on send/recv operation"},
		{"", false, ""},
		{"Segmentation fault\n", false, ""},
	} {
		_, err := (&slurm.Client{Runner: says("", tc.stderr, 1)}).Submit(context.Background(), nil)
		var se *slurm.SubmitError
		if !errors.As(err, &se) || se.Permanent != tc.permanent || se.Ambiguous == tc.permanent || tc.line != "" && se.Line != tc.line {
			t.Errorf("%q: %+v", tc.stderr, se)
		}
		if se.Ambiguous && !strings.Contains(se.Hint(), "squeue") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %q, hint %q", tc.stderr, err, se.Hint())
		}
	}
	// Killed, timed out or interrupted: whatever was printed before proves nothing.
	kill := &slurm.CommandError{ExitCode: -1, Stderr: []byte(failed("Invalid qos specification")), Err: context.DeadlineExceeded}
	_, err := (&slurm.Client{Runner: &runner{err: kill}}).Submit(context.Background(), nil)
	var se *slurm.SubmitError
	if !errors.As(err, &se) || !se.Ambiguous || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("killed: %+v", se)
	}
	// A program that does not exist did not submit.
	_, err = (&slurm.Client{Runner: &runner{err: &slurm.CommandError{Missing: true, ExitCode: -1, Err: os.ErrNotExist}}}).Submit(context.Background(), nil)
	if !errors.As(err, &se) || !se.Permanent || !slurm.Missing(err) {
		t.Errorf("not found: %+v", se)
	}
}

// A command that hangs is ended after the time given, and with the real
// runner: the fate of such a job is unknown.
func TestSubmitTimeout(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/sbatch", []byte("#!/bin/sh\nexec cat /dev/zero >/dev/null\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	_, err := (&slurm.Client{SubmitTimeout: 50 * time.Millisecond}).Submit(context.Background(), nil)
	var se *slurm.SubmitError
	if !errors.As(err, &se) || !se.Ambiguous || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// A command that was given up is told as that, not by the signal that ended it.
func TestSilence(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sbatch"), []byte("#!/bin/sh\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	_, err := (&slurm.Client{QueryTimeout: 50 * time.Millisecond}).Version(context.Background())
	var silent *slurm.SilentError
	if !errors.As(err, &silent) || silent.Command != "sbatch" || !strings.HasPrefix(err.Error(), "slurm version: sbatch did not answer within ") {
		t.Errorf("%v", err)
	}
	for after, want := range map[time.Duration]string{30 * time.Second: "30s", time.Minute: "1m", 90 * time.Second: "1m30s"} {
		if got := (&slurm.SilentError{Command: "sinfo", After: after}).Error(); got != "sinfo did not answer within "+want {
			t.Error(got)
		}
	}
}

func TestEnvironmentOfCommands(t *testing.T) {
	t.Setenv("SBATCH_PARTITION", "wrong")
	t.Setenv("SQUEUE_FORMAT", "wrong")
	t.Setenv("SLURM_CONF", "/kept")
	r := says("slurm 23.11.4\n", "", 0)
	c := &slurm.Client{Runner: r}
	if v, err := c.Version(context.Background()); err != nil || v != (slurm.Version{Major: 23, Minor: 11, Micro: 4, Text: "slurm 23.11.4"}) || !v.AtLeast(23, 2) || v.AtLeast(24, 5) {
		t.Errorf("%+v, %v", v, err)
	}
	r.answer = func(slurm.Command) (string, string, int) { return "1\n", "", 0 }
	if _, err := c.Submit(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	for i, call := range r.calls {
		text := strings.Join(call.Env, "\n")
		if strings.Contains(text, "wrong") || !strings.Contains(text, "SLURM_CONF=/kept") {
			t.Errorf("%s has the environment %q", call.Name, call.Env)
		}
		if query := i == 0; strings.Contains(text, "SLURM_TIME_FORMAT=%s") != query {
			t.Errorf("%v: time format in %q", call.Args, call.Env)
		}
	}
	if _, err := (&slurm.Client{Runner: says("what?\n", "", 0)}).Version(context.Background()); err == nil {
		t.Error("a version without a number")
	}
	if v, err := (&slurm.Client{Runner: says("slurm-wlm 22.05.8\n", "", 0)}).Version(context.Background()); err != nil || v.Major != 22 || v.Minor != 5 {
		t.Errorf("Debian's: %+v, %v", v, err)
	}
}

func row(fields ...string) string { return "\x1e" + strings.Join(fields, "\x1f") + "\x1d\n" }

func TestNodes(t *testing.T) {
	r := says(row("n2", "main", "mixed", "2", "64", "1", "128", "257000", "zen4,ib", "zen4,ib", "main*")+
		row("n1", "main", "idle*", "1", "4+", "1", "4", "1000", "(null)", "(null)", "main*")+
		row("n1", "all", "idle*", "1", "4+", "1", "4", "1000", "(null)", "(null)", "all")+
		row("n3", "all", "DRAINED", "1", "4", "2", "8", "1000", "a,b|c", "a", "all")+
		row("n4", "all", "idle~", "1", "4", "2", "8", "1000", "a", "a", "all")+"\n", "", 0)
	got, def, err := (&slurm.Client{Runner: r}).Inventory(context.Background())
	if err != nil || def != "main" {
		t.Fatalf("default partition %q, %v", def, err)
	}
	want := []slurm.Node{
		{Name: "n1", Partitions: []string{"all", "main"}, State: "idle", Marks: "*", Sockets: 1, Cores: 4, Threads: 1, CPUs: 4, MemoryMiB: 1000},
		{Name: "n2", Partitions: []string{"main"}, State: "mixed", Features: []string{"zen4", "ib"}, Active: []string{"zen4", "ib"}, Sockets: 2, Cores: 64, Threads: 1, CPUs: 128, MemoryMiB: 257000},
		{Name: "n3", Partitions: []string{"all"}, State: "drained", Features: []string{"a", "b|c"}, Active: []string{"a"}, Sockets: 1, Cores: 4, Threads: 2, CPUs: 8, MemoryMiB: 1000},
		{Name: "n4", Partitions: []string{"all"}, State: "idle", Marks: "~", Features: []string{"a"}, Active: []string{"a"}, Sockets: 1, Cores: 4, Threads: 2, CPUs: 8, MemoryMiB: 1000},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for i, usable := range []bool{false, true, false, true} {
		if got[i].Usable() != usable {
			t.Errorf("%s: usable %v", got[i].Name, got[i].Usable())
		}
	}
	if len(r.calls) != 1 {
		t.Errorf("%d commands", len(r.calls))
	}
}

func TestPartitions(t *testing.T) {
	got, err := (&slurm.Client{Runner: says(row("main", "main*", "up", "1-00:00:00", "n[1-2]")+row("main", "main*", "up", "1-00:00:00", "n7")+
		row("all", "all", "down", "infinite", "n[1-2],z1")+row("empty", "empty", "up", "n/a", ""), "", 0)}).Partitions(context.Background())
	want := []slurm.Partition{
		{Name: "main", Default: true, State: "up", TimeLimit: 24 * time.Hour, Nodes: []string{"n1", "n2", "n7"}},
		{Name: "all", State: "down", TimeLimit: slurm.Unlimited, Nodes: []string{"n1", "n2", "z1"}},
		{Name: "empty", State: "up"},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := (&slurm.Client{Runner: says(row("p", "p", "up", "1", "n[1"), "", 0)}).Partitions(context.Background()); err == nil {
		t.Error("a broken host list was read")
	}
}

func TestQueue(t *testing.T) {
	r := says("CLUSTER: one\n"+
		row("12", "12", "12", "N/A", "RUNNING", "None", "main", "ada", "n[1-2]", "2", "8", "1-02:03:04", "2-00:00:00", "1795354224", "1795354230", "1795527030", "a|b\nc\x1d", "nixbatch run=7")+
		row("13_4", "14", "13", "4", "PENDING", "Resources", "main", "ada", "", "1", "1", "0:00", "UNLIMITED", "2026-11-22T13:30:24", "N/A", "N/A", "x", "(null)")+
		"\x1etorn", "", 0)
	got, err := (&slurm.Client{Runner: r}).Queue(context.Background(), slurm.Query{IDs: []string{"12", "13_[1-4]"}, Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	want := []slurm.Job{
		{Ref: "13_4", ID: 14, Array: 13, Task: 4, Name: "x", User: "ada", Partition: "main", State: slurm.Pending, Word: "PENDING", Reason: "Resources", NumNodes: 1, CPUs: 1,
			Limit: slurm.Unlimited, Submit: time.Date(2026, 11, 22, 13, 30, 24, 0, time.Local).UTC()},
	}
	if len(got) != 1 { // the first has the end of a record in its name: dropped, not garbled
		t.Fatalf("%+v", got)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	r.answer = func(slurm.Command) (string, string, int) {
		return row("12", "12", "12", "N/A", "RUNNING", "None", "main", "ada", "n[1-2]", "2", "8", "1-02:03:04", "2-00:00:00", "1795354224", "1795354230", "1795527030", "a|b\nc", "nixbatch run=7"), "", 0
	}
	got, err = (&slurm.Client{Runner: r}).Queue(context.Background(), slurm.Query{})
	want = []slurm.Job{{Ref: "12", ID: 12, Array: 12, Task: -1, Name: "a|b\nc", Comment: "nixbatch run=7", User: "ada", Partition: "main", State: slurm.Running, Word: "RUNNING",
		Nodes: "n[1-2]", NumNodes: 2, CPUs: 8, Elapsed: 26*time.Hour + 3*time.Minute + 4*time.Second, Limit: 48 * time.Hour, Submit: at(1795354224), Start: at(1795354230), End: at(1795527030)}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if !slices.Contains(r.calls[0].Args, "--jobs=12,13_[1-4]") || !slices.Contains(r.calls[0].Args, "--name=x") || !slices.Contains(r.calls[1].Args, "--me") {
		t.Errorf("%v", r.calls)
	}
}

func TestManyIDs(t *testing.T) {
	var ids []string
	for i := range 1201 {
		ids = append(ids, fmt.Sprint(i+1))
	}
	r := says("", "slurm_load_jobs error: Invalid job id specified\n", 1)
	c := &slurm.Client{Runner: r}
	if jobs, err := c.Queue(context.Background(), slurm.Query{IDs: ids}); err != nil || len(jobs) != 0 || len(r.calls) != 3 {
		t.Errorf("%d jobs, %v, %d commands", len(jobs), err, len(r.calls))
	}
	r = says("", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", 1)
	if _, err := (&slurm.Client{Runner: r}).Queue(context.Background(), slurm.Query{IDs: ids}); err == nil {
		t.Error("a controller that is away was taken for an empty queue")
	}
	for _, id := range []string{"", "-1", "1;2", "1 2", "--all", "0", "1_", "1_[", "1,2", "a", "1\n"} {
		r := says("", "", 0)
		c := &slurm.Client{Runner: r}
		if _, err := c.Queue(context.Background(), slurm.Query{IDs: []string{id}}); err == nil {
			t.Errorf("squeue was asked for %q", id)
		}
		if _, err := c.Accounting(context.Background(), slurm.Query{IDs: []string{id}}); err == nil {
			t.Errorf("sacct was asked for %q", id)
		}
		if len(r.calls) != 0 {
			t.Errorf("%q: %v", id, r.calls)
		}
	}
}

func TestCancel(t *testing.T) {
	ctx := context.Background()
	r := says("", "", 0)
	if err := (&slurm.Client{Runner: r}).Cancel(ctx); err != nil || len(r.calls) != 0 {
		t.Errorf("without ids: %v, %v; scancel alone would be an error", err, r.calls)
	}
	for stderr, ok := range map[string]bool{
		"scancel: error: Kill job error on job id 1: Invalid job id specified\n":                                                                       true,
		"scancel: error: Kill job error on job id 1: Job/step already completing or completed\n":                                                       true,
		"scancel: error: Kill job error on job id 1: Access/permission denied\n":                                                                       false,
		"scancel: error: Kill job error on job id 1: Invalid job id specified\nscancel: error: Kill job error on job id 2: Access/permission denied\n": false,
		"": false,
	} {
		c := &slurm.Client{Runner: &runner{answer: func(c slurm.Command) (string, string, int) {
			if c.Name == "squeue" {
				return queueRow("1", "a") + queueRow("2", "b"), "", 0
			}
			return "", stderr, 1
		}}}
		jobs, err := c.Look(ctx, slurm.Query{}, func(slurm.Job) bool { return true })
		if err != nil || len(jobs) != 2 {
			t.Fatalf("%v, %v", jobs, err)
		}
		if err := c.Cancel(ctx, jobs...); (err == nil) != ok {
			t.Errorf("%q: %v", stderr, err)
		}
	}
}
