package status

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// sweepTail is how much is read, in bytes, of what slurmstepd says of all tasks
// of a sweep together: about 80,000 of those lines.
const sweepTail = 8 << 20

// lastWords are what was said of the ends of a run's jobs outside of squeue,
// sacct and the end files. They count where all of these have forgotten a job.
type lastWords struct {
	run   rundir.Run
	sweep bool
	read  bool
	stepd map[int64]slurm.Ending
	told  map[string]bool // by nixbatch cancel, as scancel takes them
	err   error           // why some of it cannot be read
}

func (l *lastWords) load() {
	l.read, l.stepd, l.told = true, map[int64]slurm.Ending{}, map[string]bool{}
	file, most := l.run.LogFile(0), int64(logTail)
	if l.sweep {
		file, most = l.run.SlurmLog(), sweepTail
	}
	text, err := lastBytes(file, most)
	l.err = err
	for _, e := range slurm.ParseEndings(text) { // the last one counts
		l.stepd[e.ID] = e
	}
	for n := 0; ; n++ {
		var c facts.Cancel
		there, err := durable.ReadIf(ledger.CancelFile(l.run, n), &c)
		if !there || err != nil {
			l.err = cmp.Or(l.err, err)
			return
		}
		for _, id := range c.Jobs {
			l.told[id] = true
		}
	}
}

// of is what a task that is gone became, as far as its last words tell.
func (l *lastWords) of(t *TaskStatus) (state slurm.State, reason string, ok bool) {
	if !l.read {
		l.load()
	}
	if l.err != nil {
		t.unread(l.err)
	}
	id := t.Job
	if t.Index >= 0 {
		id = t.ownJob(l.run)
	}
	// Of a task that was requeued, an earlier attempt's end tells nothing.
	if w, said := l.stepd[id]; said && (t.Attempt == 0 || w.Time.After(t.Begun.Add(-time.Minute))) {
		switch w.Cause {
		case slurm.CauseTime:
			return slurm.TimedOut, "its time limit came", true
		case slurm.CausePreempted:
			t.Cause = Preempted
			return slurm.Cancelled, preempted, true
		case slurm.CauseNode:
			return slurm.NodeFail, "its node was lost", true
		case slurm.CauseCancel:
			return slurm.Cancelled, l.by(t), true
		}
	}
	if by := l.by(t); by != "" {
		return slurm.Cancelled, by, true
	}
	return "", "", false
}

func (l *lastWords) by(t *TaskStatus) string {
	if l.told[t.Ref()] || l.told[strconv.FormatInt(t.Job, 10)] {
		return byCancel
	}
	return ""
}

// byCancel is the reason of what nixbatch cancel ended.
const byCancel = "by nixbatch cancel"

// ownJob is the job that a task of an array had for itself, as its start says;
// 0 where it left none.
func (t *TaskStatus) ownJob(r rundir.Run) int64 {
	if !t.begun() {
		return 0
	}
	var st facts.Start
	if _, err := durable.ReadIf(r.StartFile(t.Task, t.Attempt), &st); err != nil {
		t.unread(err)
		return 0
	}
	return st.JobID
}

// lastBytes is the end of a file; nil where there is none.
func lastBytes(file string, most int64) ([]byte, error) {
	f, err := durable.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err == nil && st.Size() > most {
		_, err = f.Seek(-most, io.SeekEnd)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, most))
}

// logTail is how much of a log's end is read for the lines that decide, in
// bytes.
const logTail = 256 << 10

// Tail is the lines of a log's end that are not blank; none where there is no log.
func Tail(file string) (lines []string, err error) {
	text, err := lastBytes(file, logTail)
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(nil, logTail)
	for in.Scan() {
		l := strings.TrimRight(in.Text(), " \t\r")
		if r := []rune(l); len(r) > 300 {
			l = string(r[:300]) + "…"
		}
		if l != "" {
			lines = append(lines, l)
		}
	}
	return lines, err
}
