package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
)

// end reads the end of an attempt of a run's first task.
func (s *site) end(dir string, attempt int) facts.End {
	s.t.Helper()
	var e facts.End
	if err := durable.Read(filepath.Join(dir, "tasks", "0-999", "0", fmt.Sprintf("attempt-%d", attempt), "end.json"), &e); err != nil {
		s.t.Fatal(err)
	}
	return e
}

// counting is a program that saves where it is when it is told to, and goes on
// from there: bash runs the trap when sleep ends.
const counting = `i=$(cat state.chk 2>/dev/null || echo 0)
echo "attempt $NIXBATCH_ATTEMPT from $i"
trap 'echo $i >state.chk; echo "saved $i"; exit 0' USR1
touch "$NIXBATCH_WORKDIR/begun.$NIXBATCH_ATTEMPT"
until [ -e "$NIXBATCH_WORKDIR/go" ]; do i=$((i+1)); sleep 0.05; done
echo "$i" >done.txt`

// A job longer than its time limit: the signal comes, the program saves and
// ends, the task is requeued and goes on, all in one log and one record.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	s := onHarsh(t)
	s.job("long", "partition: n, mem: 60M, time: 60", "outputs: [done.txt]\ncheckpoint: {before: 60s, files: [state.chk]}\n", counting)
	out := s.must("plan", "--script", "long.yaml")
	for _, want := range []string{"#SBATCH --signal=B:USR1@60\n", "#SBATCH --requeue\n", "#SBATCH --open-mode=append\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the script lacks %s:\n%s", want, out)
		}
	}
	s.must("submit", "long.yaml")
	const rounds = 3
	s.appears("begun.0")
	for n := range rounds {
		id := fmt.Sprint(s.state("long").JobID)
		// What Slurm does before the time limit, without the wait for it.
		s.slurm("scancel", "--batch", "--signal=USR1", id)
		s.appears(filepath.Join(".nixbatch", "runs", s.state("long").RunID, "tasks", "0-999", "0", fmt.Sprintf("attempt-%d", n), "end.json"))
		s.reaches("long", "pending", "")
		s.startNow("long", fmt.Sprintf("begun.%d", n+1))
	}
	s.write("go", "", 0o600)
	r := s.reaches("long", "completed", "")
	log := s.must("logs", "long")
	from := "0"
	for n := range rounds {
		e := s.end(r.Dir, n)
		if !e.Requeued || e.ExitCode != 0 || len(e.Checkpoint) != 1 || e.Checkpoint[0].SHA256 == "" {
			t.Errorf("end of attempt %d: %+v", n, e)
		}
		if !strings.Contains(log, fmt.Sprintf("attempt %d from %s\n", n, from)) {
			t.Errorf("attempt %d did not go on from %s:\n%s", n, from, log)
		}
		_, after, _ := strings.Cut(log, fmt.Sprintf("attempt %d from", n))
		_, after, _ = strings.Cut(after, "saved ")
		from, _, _ = strings.Cut(after, "\n")
	}
	if e := s.end(r.Dir, rounds); e.Requeued || e.ExitCode != 0 {
		t.Errorf("the last end: %+v", e)
	}
}

// The signal as Slurm sends it by itself, to a program that does not listen to
// it: the task is requeued all the same, and by itself: what Slurm does at the
// limit comes much later here, however slow the machine is.
func TestCheckpointBeforeTheLimit(t *testing.T) {
	t.Parallel()
	s := onHarsh(t)
	s.job("deaf", "partition: late, mem: 60M, time: 1", "checkpoint: {before: 20s}\n", "touch \"$NIXBATCH_WORKDIR/begun.$NIXBATCH_ATTEMPT\"\n[ $NIXBATCH_ATTEMPT = 1 ] || sleep 1000")
	s.must("submit", "deaf.yaml")
	s.appears("begun.0")
	dir := s.state("deaf").Dir
	until(t, "the requeue", func() bool {
		_, err := os.Stat(filepath.Join(dir, "tasks", "0-999", "0", "attempt-0", "end.json"))
		return err == nil
	})
	if e := s.end(dir, 0); !e.Requeued {
		t.Errorf("end %+v", e)
	}
	s.reaches("deaf", "pending", "")
	s.startNow("deaf", "begun.1")
	s.reaches("deaf", "completed", "")
}

// A task works in the scratch directory, and its outputs are put back whatever the
// end is; what cannot be is told, and kept.
func TestScratch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, run string
		minutes   int // the time limit
		act       func(s *site)
		state     string
	}{
		{"success", "", 60, nil, "completed"},
		{"failure", "exit 3", 60, nil, "failed"},
		{"signal", "touch $NIXBATCH_WORKDIR/ready\nwhile :; do sleep 0.1; done", 60, func(s *site) {
			s.appears("ready")
			s.must("cancel", "scratch")
		}, "cancelled"},
		{"limit", "touch $NIXBATCH_WORKDIR/ready\nwhile :; do sleep 0.1; done", 1, func(s *site) {
			s.appears("ready")
			s.limitComes("scratch")
		}, "timeout"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := onHarsh(t)
			s.write("in/data.txt", "forty-two", 0o640)
			s.write("out/old.txt", "old", 0o600)
			s.write("blocked.txt/in-the-way", "", 0o600)
			base := t.TempDir()
			s.job("scratch", fmt.Sprintf("partition: n, mem: 40M, time: %d", tc.minutes), "inputs: [in/data.txt]\noutputs: [\"out/*.txt\", blocked.txt]\nscratch: {dir: "+base+"}\n",
				`[ "$PWD" = "$NIXBATCH_SCRATCH" ] && [ "$PWD" != "$NIXBATCH_WORKDIR" ]
mkdir -p out
cp in/data.txt out/result.txt
echo new >out/old.txt
echo left >other.tmp
echo x >blocked.txt
chmod 750 out/result.txt
`+tc.run)
			s.must("submit", "scratch.yaml")
			if tc.act != nil {
				tc.act(s)
			}
			r := s.reaches("scratch", tc.state, "")
			for file, want := range map[string]string{"out/result.txt": "forty-two", "out/old.txt": "new\n"} {
				if data, err := os.ReadFile(filepath.Join(s.dir, file)); err != nil || string(data) != want {
					t.Errorf("%s: %q, %v", file, data, err)
				}
			}
			if st, err := os.Stat(filepath.Join(s.dir, "out/result.txt")); err != nil || st.Mode() != 0o750 {
				t.Errorf("mode %v, %v", st.Mode(), err)
			}
			if _, err := os.Stat(filepath.Join(s.dir, "other.tmp")); err == nil {
				t.Error("what is no output was put back")
			}
			// A directory stands where a file should go.
			e := s.end(r.Dir, 0)
			if len(e.NotCopied) != 1 || e.NotCopied[0].Path != "blocked.txt" || e.NotCopied[0].Skipped == "" {
				t.Errorf("not copied: %+v", e.NotCopied)
			}
			log := s.must("logs", "scratch")
			if !strings.Contains(log, "blocked.txt could not be put back") || !strings.Contains(log, "the scratch directory stays: "+base) {
				t.Errorf("log\n%s", log)
			}
			kept, err := filepath.Glob(filepath.Join(base, "nixbatch-scratch-*", "work", "blocked.txt"))
			if err != nil || len(kept) != 1 {
				t.Errorf("kept %v, %v", kept, err)
			}
		})
	}
}

// The scratch directory is gone when all is copied, and a task whose directory
// cannot be made stops before its lines.
func TestScratchIsTidied(t *testing.T) {
	t.Parallel()
	s := onHarsh(t)
	base := t.TempDir()
	s.job("tidy", small, "outputs: [x.txt]\nscratch: {dir: "+base+"}\n", "echo 1 >x.txt; echo 2 >y.txt")
	s.must("submit", "tidy.yaml", "--wait")
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	s.job("nowhere", small, "scratch: {dir: "+base+"/none}\n", "touch $NIXBATCH_WORKDIR/ran")
	if code, out, _ := s.run("submit", "nowhere.yaml", "--wait"); code != 1 || !strings.Contains(out, "scratch: ") {
		t.Errorf("code %d: %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "ran")); err == nil {
		t.Error("the lines ran")
	}
}

// gc drops the roots of runs that are over, and no others.
func TestGC(t *testing.T) {
	t.Parallel()
	s := onHarsh(t)
	type report struct {
		Dropped, Kept []struct{ Name, Path, Kept string }
		Bytes         int64
	}
	gc := func(args ...string) (r report) {
		t.Helper()
		if out := s.must(append([]string{"gc", "--json"}, args...)...); json.Unmarshal([]byte(out), &r) != nil {
			t.Fatalf("gc: %s", out)
		}
		return r
	}
	if code, _, diag := s.run("gc"); code != 2 || !strings.Contains(diag, "nothing to collect here") {
		t.Errorf("gc of nothing: %d %s", code, diag)
	}
	s.job("over", small, "", ":")
	s.must("build", "over.yaml")
	if r := gc(); len(r.Dropped) != 0 || len(r.Kept) != 1 || !strings.Contains(r.Kept[0].Kept, "nixbatch build") {
		t.Errorf("built: %+v", r)
	}
	s.must("submit", "over.yaml", "--wait")
	s.job("held", small+", hold: true", "", ":")
	s.must("submit", "held.yaml")
	if r := gc(); len(r.Dropped) != 0 || len(r.Kept) != 1 || !strings.Contains(r.Kept[0].Kept, "is pending") {
		t.Errorf("pending: %+v", r)
	}
	s.must("cancel", "held")
	s.reaches("held", "cancelled", "")
	if r := gc("--dry-run"); len(r.Dropped) != 1 || r.Bytes <= 0 {
		t.Errorf("dry run: %+v", r)
	}
	path := gc().Dropped[0].Path
	if roots, err := os.ReadDir(filepath.Join(s.dir, ".nixbatch", "roots")); err != nil || len(roots) > 0 {
		t.Errorf("roots: %v, %v", roots, err)
	}
	// A retry makes its environment safe again, and so does a submission.
	s.must("retry", "held")
	if r := gc(); len(r.Kept) != 1 || r.Kept[0].Path != path {
		t.Errorf("retried: %+v", r)
	}
	s.must("cancel", "held")
}
