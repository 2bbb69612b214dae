package slurm

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// Cause is why slurmstepd ended a job.
type Cause int

// The causes. An unknown one has words that no release here is known to use.
const (
	CauseUnknown Cause = iota
	CauseCancel        // scancel, or a signal
	CauseTime          // its time limit
	CausePreempted
	CauseNode // its node failed
)

// Ending is what slurmstepd writes into a job's output when it ends the job.
type Ending struct {
	ID    int64 // the job's or the task's own number, also in an array
	Cause Cause
	Time  time.Time // UTC; zero where it cannot be read
}

// stepdEnds is such a line, "*** JOB 12 ON n1 CANCELLED AT 2026-03-01T12:00:00
// DUE TO TIME LIMIT ***", behind "slurmstepd: error: ", "slurmstepd-n1: error: "
// (up to 24.11) or "[2026-03-01T12:00:00.123] error: " (26.05).
var stepdEnds = lazyre.New(`(?:slurmstepd\S*: |\[[0-9T:.-]+\] )error: \*\*\* JOB (\d+) ON \S+ CANCELLED AT (\S+)(?: DUE TO ([A-Za-z ]+))?`)

// ParseEndings finds these lines in a job's output, in their order. Lines about
// single steps are passed over. A job that prints such a line itself cannot be
// told from slurmstepd.
func ParseEndings(output []byte) []Ending {
	var out []Ending
	for _, m := range stepdEnds.FindAllSubmatch(output, -1) {
		id, err := strconv.ParseInt(string(m[1]), 10, 64)
		if err != nil {
			continue
		}
		e := Ending{ID: id, Time: seconds(string(m[2]))}
		switch due := strings.TrimSpace(string(m[3])); {
		case due == "" || strings.HasPrefix(due, "SIGNAL"):
			e.Cause = CauseCancel
		case due == "TIME LIMIT":
			e.Cause = CauseTime
		case due == "PREEMPTION":
			e.Cause = CausePreempted
		case strings.HasPrefix(due, "NODE FAILURE"):
			e.Cause = CauseNode
		}
		out = append(out, e)
	}
	return out
}

// Complaint is an error that slurmstepd wrote into a job's output.
type Complaint struct {
	Jobs       []string // whom it names, as sacct does: "12", "12_3"
	OverMemory bool     // a step used more memory than was asked for
	Line       string   // from "slurmstepd" or the time on
}

// stepdLine is how such a line begins: "slurmstepd-n1: error: " up to 24.11,
// "[2026-11-27T18:35:50.953] error: " on 26.05.
var stepdLine = lazyre.New(`(?:slurmstepd\S*:|\[\d{4}-\d\d-\d\dT[\d:.]+\]) error: .*\S`)

// stepdJob is whom such a line is about: "StepId=12_3.batch", "StepId=12_3(15).0",
// "JOB 15 ON", "STEP 15.0 ON".
var stepdJob = lazyre.New(`(?:StepId=|JOB |STEP )(\d+(?:_\d+)?)\b`)

// overMemory are slurmstepd's words for that: of Slurm's own accounting of memory
// (JobAcctGatherParams=OverMemoryKill; seen with 22.05.8 and 26.05), and of the
// kernel's cgroups (from 20.11 and from 21.08 on).
var overMemory = []string{"exceeded memory limit", "oom-kill event", "oom_kill event"}

// ParseComplaints finds these lines in a job's output, in their order; those that
// name no job are passed over. A job that prints such a line itself cannot be told
// from slurmstepd.
func ParseComplaints(output []byte) []Complaint {
	var out []Complaint
	for text := range strings.Lines(string(output)) {
		c := Complaint{Line: stepdLine.FindString(text)}
		for _, m := range stepdJob.FindAllStringSubmatch(c.Line, -1) {
			c.Jobs = append(c.Jobs, m[1])
		}
		if len(c.Jobs) == 0 {
			continue
		}
		c.OverMemory = slices.ContainsFunc(overMemory, func(w string) bool { return strings.Contains(c.Line, w) })
		out = append(out, c)
	}
	return out
}
