package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/slurm"
)

type sweepStatus struct {
	Runs []struct {
		RunID  string         `json:"run_id"`
		Dir    string         `json:"run_dir"`
		State  string         `json:"state"`
		Reason string         `json:"reason"`
		Counts map[string]int `json:"counts"`
		Tasks  []struct {
			Task   int               `json:"task"`
			State  string            `json:"state"`
			Try    int               `json:"attempt"`
			Values map[string]string `json:"values"`
		} `json:"tasks"`
	}
}

func (s *site) sweep(name string) sweepStatus {
	s.t.Helper()
	var doc sweepStatus
	if out := s.must("status", "--json", name); json.Unmarshal([]byte(out), &doc) != nil || len(doc.Runs) != 1 {
		s.t.Fatalf("status: %s", out)
	}
	return doc
}

// A sweep from a matrix and rows: values in variables, inputs and outputs, one
// task that fails, a retry of that task alone, and the record of both attempts.
func TestSweep(t *testing.T) {
	t.Parallel()
	s := onHarsh(t)
	for _, m := range []string{"water", "oh*"} {
		s.write(m+".xyz", m, 0o600)
	}
	s.job("scan", small, `env: {FIXED: same}
inputs: ["{mol}.xyz"]
outputs: ["out/{mol}-{basis}.txt"]
sweep:
  rows: [{mol: water, charge: 0}, {mol: "oh*", charge: -1}]
  matrix: {basis: [sto-3g, "6-31G*", "a'b $x"]}
  exclude: [{mol: water, basis: "6-31G*"}]
  max-running: 2
`, `running=$NIXBATCH_WORKDIR/running
mkdir -p out $running
touch $running/$NIXBATCH_TASK
[ $(ls $running | wc -l) -le 2 ]
echo "$FIXED $mol $charge $basis $(cat "$mol.xyz") $NIXBATCH_TASK" >"out/$mol-$basis.txt"
echo "attempt $NIXBATCH_ATTEMPT"
rm $running/$NIXBATCH_TASK
[ "$mol" != water ] || [ "$basis" != sto-3g ] || [ "$NIXBATCH_ATTEMPT" = 1 ]`)
	if out := s.must("plan", "scan.yaml"); !strings.Contains(out, "tasks     5, 2 at once, the first with mol=water charge=0 basis=sto-3g") {
		t.Errorf("plan says\n%s", out)
	}
	s.must("submit", "scan.yaml")
	s.reaches("scan", "failed", "completed 4, failed 1")
	doc := s.sweep("scan")
	for i, want := range []string{"water 0 sto-3g water", "water 0 a'b $x water", "oh* -1 sto-3g oh*", "oh* -1 6-31G* oh*", "oh* -1 a'b $x oh*"} {
		v := doc.Runs[0].Tasks[i].Values
		got, err := os.ReadFile(filepath.Join(s.dir, "out", v["mol"]+"-"+v["basis"]+".txt"))
		if err != nil || string(got) != fmt.Sprintf("same %s %d\n", want, i) {
			t.Errorf("task %d: %q, %v", i, got, err)
		}
	}
	s.why("scan", "it failed (exit code 1)", "nixbatch retry "+doc.Runs[0].RunID+".0")
	if out := s.must("logs", "scan.0"); out != "attempt 0\n" {
		t.Errorf("log %q", out)
	}
	if code, _, diag := s.run("logs", "scan.7"); code != 2 || !strings.Contains(diag, "has no task 7") {
		t.Errorf("logs of no task: %d %s", code, diag)
	}
	s.must("retry", "scan", "--failed", "--mem", "x1.5")
	s.reaches("scan", "completed", "completed 5")
	if out := s.must("logs", "scan.0"); out != "attempt 0\nattempt 1\n" {
		t.Errorf("log %q", out)
	}
	dir := doc.Runs[0].Dir
	for file, want := range map[string]string{
		"tasks/0-999/0/attempt-0/end.json": `"exit_code": 1`, "tasks/0-999/0/attempt-1/end.json": `"exit_code": 0`,
		"submit-1.json": `"--mem=90M"`, "tasks/0-999/3/attempt-0/end.json": `"path": "out/oh*-6-31G*.txt"`,
	} {
		if data, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s lacks %s: %v\n%s", file, want, err, data)
		}
	}
	if code, _, diag := s.run("retry", "scan"); code != 2 || !strings.Contains(diag, "has nothing to retry") {
		t.Errorf("retry: %d %s", code, diag)
	}
}

// Ten thousand tasks: planned and submitted at once, in arrays of Slurm's size,
// their files spread out, and one squeue for a state. They are held, for this
// machine has two processors; TestManyTasks runs some of them.
func TestTenThousandTasks(t *testing.T) {
	t.Parallel()
	s := onHarsh(t)
	table := "n\n"
	for i := range 10000 {
		table += strconv.Itoa(i) + "\n"
	}
	s.write("many.csv", table, 0o600)
	s.job("many", small+", hold: true", "outputs: [\"out/{n}.txt\"]\nsweep: {csv: many.csv, max-running: 12}\n", ":")
	if out := s.must("submit", "many.yaml"); !strings.HasPrefix(out, "10000 tasks in jobs ") {
		t.Errorf("said %s", out)
	}
	r := s.sweep("many").Runs[0]
	if r.Counts["pending"] != 10000 || len(r.Tasks) != 10000 || r.Tasks[9999].Values["n"] != "9999" {
		t.Errorf("counts %v, %d tasks", r.Counts, len(r.Tasks))
	}
	// The throttles of ten arrays, together.
	res, err := exec.Command("sh", "-c", "SLURM_CONF="+s.c.Dir+"/slurm.conf squeue -h -n many -o %i").Output()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for l := range strings.Lines(string(res)) {
		_, n, _ := strings.Cut(strings.TrimRight(strings.TrimSpace(l), "]"), "%")
		k, err := strconv.Atoi(n)
		if err != nil {
			t.Fatalf("no throttle: %s", l)
		}
		sum += k
	}
	if sum != 12 {
		t.Errorf("%d tasks may run at once, want 12: %s", sum, res)
	}
	s.must("cancel", "many.4321")
	until(t, "the task's end", func() bool { return s.sweep("many").Runs[0].Tasks[4321].State == "cancelled" })
	s.must("cancel", "many")
	s.reaches("many", "cancelled", "cancelled 10000")
}

// Every task of a sweep that runs, over more arrays than one, is accounted for;
// no directory holds more than a thousand of their files. Slurm's limit on arrays,
// which is remembered for a day, is said to be small, so that few tasks will do;
// make faults has as many as Slurm's own takes.
func TestManyTasks(t *testing.T) {
	t.Parallel()
	n, most := 120, 51
	if v := os.Getenv("NIXBATCH_TASKS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
		most = submit.DefaultArraySize
	}
	s := onHarsh(t)
	table := "n,k\n"
	for i := range n {
		table += fmt.Sprintf("%d,%d\n", i, i%50)
	}
	where := slurm.Where(func(name string) string {
		return map[string]string{"SLURM_CONF": filepath.Join(s.c.Dir, "slurm.conf")}[name]
	})
	s.write(".nixbatch/limits.json", fmt.Sprintf(`{"schema": "nixbatch/limits/v1", "slurm_conf": %q, "max_array_size": %d, "time": %q}`,
		where, most, time.Now().UTC().Format(time.RFC3339)), 0o600)
	s.write("all.csv", table, 0o600)
	s.job("all", "partition: m, mem: 60M, time: 60", "sweep: {csv: all.csv}\n", `[ "$n" = "$NIXBATCH_TASK" ]
[ "$k" != 49 ]`)
	_, jobs, _ := strings.Cut(s.must("submit", "all.yaml"), " tasks in jobs ")
	jobs, _, _ = strings.Cut(jobs, ", run ")
	if arrays := (n + most - 2) / (most - 1); arrays < 2 || len(strings.Split(jobs, ", ")) != arrays {
		t.Errorf("%d arrays are wanted, and the jobs are %s", arrays, jobs)
	}
	bad := n / 50
	deadline := time.Now().Add(4 * patience)
	for {
		r := s.sweep("all").Runs[0]
		if r.State == "failed" {
			if r.Counts["completed"] != n-bad || r.Counts["failed"] != bad {
				t.Errorf("counts %v", r.Counts)
			}
			for _, task := range r.Tasks {
				if want := map[bool]string{true: "failed", false: "completed"}[task.Task%50 == 49]; task.State != want {
					t.Errorf("task %d is %s", task.Task, task.State)
				}
			}
			checkCrowds(t, r.Dir)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", 4*patience, r.Counts)
		}
		time.Sleep(time.Second)
	}
}

func checkCrowds(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		entries, err := os.ReadDir(path)
		if len(entries) > 1010 {
			t.Errorf("%s has %d entries", path, len(entries))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// One squeue for any number of runs and of commands within submit.AnswerAge, and another
// after it.
func TestQueueIsAskedOnce(t *testing.T) {
	t.Parallel()
	s := onHarsh(t)
	for i := range 5 {
		name := fmt.Sprintf("one-%d", i)
		s.job(name, small+", hold: true", "", ":")
		s.must("submit", name+".yaml")
		t.Cleanup(func() { s.run("cancel", name) })
	}
	for _, program := range []string{"squeue", "sacct"} {
		s.front(program, `echo `+program+` >>"$SITE/asked"; exec "$REAL" "$@"`)
	}
	count := func(program string) int {
		data, _ := os.ReadFile(filepath.Join(s.dir, "asked"))
		return strings.Count(string(data), program)
	}
	real, env := s.bin, s.env
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.bin = self
	begin := time.Now()
	for i, when := range []struct {
		after time.Duration
		asked int
	}{{0, 1}, {submit.AnswerAge - time.Millisecond, 1}, {submit.AnswerAge, 2}} {
		s.env = append(env[:len(env):len(env)], clockVar+"="+begin.Add(when.after).Format(time.RFC3339Nano))
		for range 3 {
			if out := s.must("status"); strings.Count(out, " pending ") != 5 {
				t.Fatalf("status says\n%s", out)
			}
		}
		s.must("status", "one-3")
		s.must("status", "--all")
		if n := count("squeue"); n != when.asked {
			t.Errorf("squeue was asked %d times by %d commands until %s had passed, want %d", n, 5*(i+1), when.after, when.asked)
		}
	}
	if n := count("sacct"); n > 0 {
		t.Errorf("sacct was asked %d times about jobs that wait", n)
	}
	s.bin, s.env = real, env
	// What one changes, all see at once.
	s.must("cancel", "one-0")
	s.reaches("one-0", "cancelled", "")
}
