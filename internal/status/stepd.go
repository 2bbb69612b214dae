package status

import (
	"errors"
	"slices"
	"strconv"

	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// stepd is what slurmstepd wrote about a run's jobs, by whom it is about.
type stepd map[string][]slurm.Complaint

// stepdOf reads it. Of a sweep's tasks it may stand in the log of all tasks or in
// the task's own: where the agent's output goes when it ends.
func (s *Status) stepdOf(t *TaskStatus, common stepd) stepd {
	own := stepd{}
	if err := own.read(s.Run.LogFile(t.Task), logTail); err != nil {
		t.unread(err)
	}
	for who, lines := range common {
		own[who] = append(own[who], lines...)
	}
	return own
}

func (d stepd) read(file string, most int64) error {
	text, err := lastBytes(file, most)
	for _, c := range slurm.ParseComplaints(text) {
		for _, who := range c.Jobs {
			d[who] = append(d[who], c)
		}
	}
	return err
}

// of is what was said of a task: under its number in the array, or its own.
func (d stepd) of(r rundir.Run, t *TaskStatus) []slurm.Complaint {
	out := d[t.Ref()]
	if t.Index < 0 {
		return out
	}
	if own := strconv.FormatInt(t.ownJob(r), 10); own != "0" && own != t.Ref() {
		out = append(out, d[own]...)
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
				if err := common.read(s.Run.SlurmLog(), sweepTail); err != nil {
					s.unread(err)
				}
			}
		}
		if slices.ContainsFunc(s.stepdOf(t, common).of(s.Run, t), func(c slurm.Complaint) bool { return c.OverMemory }) {
			t.State, t.Reason = slurm.OutOfMemory, "it exceeded the memory that it asked for"
		}
	}
}

// SlurmSaid is what slurmstepd wrote about a task's job.
func SlurmSaid(r rundir.Run, t TaskStatus, sweep bool) (lines []string, err error) {
	d := stepd{}
	err = d.read(r.LogFile(t.Task), logTail)
	if sweep {
		err = errors.Join(err, d.read(r.SlurmLog(), sweepTail))
	}
	for _, c := range d.of(r, &t) {
		lines = append(lines, c.Line)
	}
	return lines, err
}
