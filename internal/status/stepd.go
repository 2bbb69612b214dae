package status

import (
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// stepdLine is how a line of slurmstepd's begins: "slurmstepd-n1: error: " up to
// 24.11, "[2026-11-27T18:35:50.953] error: " on 26.05.
var stepdLine = lazyre.New(`(?:slurmstepd\S*:|\[\d{4}-\d\d-\d\dT[\d:.]+\]) error: .*\S`)

// stepdJob is whom such a line is about: "StepId=12_3.batch", "StepId=12_3(15).0",
// "JOB 15 ON", "STEP 15.0 ON".
var stepdJob = lazyre.New(`(?:StepId=|JOB |STEP )(\d+(?:_\d+)?)\b`)

// overMemory are words of slurmstepd's for a step that used more memory than was
// asked for: of Slurm's own accounting of memory (OverMemoryKill, 22.05.8 and
// 26.05), and of the kernel's cgroups (from 20.11 and from 21.08 on).
var overMemory = []string{"exceeded memory limit", "oom-kill event", "oom_kill event"}

// stepd is what slurmstepd wrote about a run's jobs, by whom it is about.
type stepd map[string][]string

// stepdOf reads it. Of a sweep's tasks it may stand in the log of all tasks or in
// the task's own: where the agent's output goes when it ends.
func (s *Status) stepdOf(t TaskStatus, common stepd) stepd {
	own := stepd{}
	own.read(s.Run.LogFile(t.Task), logTail)
	for who, lines := range common {
		own[who] = append(own[who], lines...)
	}
	return own
}

func (d stepd) read(file string, most int64) {
	for l := range strings.Lines(string(lastBytes(file, most))) {
		if line := stepdLine.FindString(l); line != "" {
			for _, m := range stepdJob.FindAllStringSubmatch(line, -1) {
				d[m[1]] = append(d[m[1]], line)
			}
		}
	}
}

// of is what was said of a task: under its number in the array, or its own.
func (d stepd) of(r rundir.Run, t TaskStatus) []string {
	out := d[t.Ref()]
	if t.Index < 0 || !t.Start {
		return out
	}
	var st facts.Start
	if durable.Read(r.StartFile(t.Task, t.Attempt), &st) == nil && st.JobID != 0 {
		if own := strconv.FormatInt(st.JobID, 10); own != t.Ref() {
			out = append(out, d[own]...)
		}
	}
	return out
}

// overMemory finds tasks that failed because they used too much memory: Slurm
// calls them failed where its own accounting of memory ended them
// (JobAcctGatherParams=OverMemoryKill, seen with 22.05.8; JobLaunchFailure in
// squeue), and where the kernel ended a step's process whose end the payload then
// took for its own.
func (s *Status) overMemory() {
	var common stepd
	for i := range s.Tasks {
		t := &s.Tasks[i]
		if t.State != slurm.Failed {
			continue
		}
		if common == nil {
			common = stepd{}
			if s.Sweep() {
				common.read(s.Run.SlurmLog(), sweepTail)
			}
		}
		for _, l := range s.stepdOf(*t, common).of(s.Run, *t) {
			for _, w := range overMemory {
				if strings.Contains(l, w) {
					t.State, t.Reason = slurm.OutOfMemory, "it exceeded the memory that it asked for"
				}
			}
		}
	}
}

// SlurmSaid is what slurmstepd wrote about a task's job.
func SlurmSaid(r rundir.Run, t TaskStatus, sweep bool) []string {
	d := stepd{}
	d.read(r.LogFile(t.Task), logTail)
	if sweep {
		d.read(r.SlurmLog(), sweepTail)
	}
	return d.of(r, t)
}
