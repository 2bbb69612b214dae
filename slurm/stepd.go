package slurm

import (
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
