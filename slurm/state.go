package slurm

import (
	"slices"
	"strings"
)

// State is what became of a job, in nine words.
type State string

// The states.
const (
	Pending     State = "pending"
	Running     State = "running"
	Completed   State = "completed"
	Failed      State = "failed"
	Cancelled   State = "cancelled"
	TimedOut    State = "timeout"
	OutOfMemory State = "out-of-memory"
	NodeFail    State = "node-fail"
	Unknown     State = "unknown"
)

// Final reports whether the state does not change any more.
func (s State) Final() bool {
	return s != Pending && s != Running && s != Unknown
}

// Manner is what Slurm's word for a state tells beside the State, in words for
// people; "" where that is nothing.
type Manner string

// The manners.
const (
	Suspended    Manner = "suspended" // it runs, and stands still
	Stopped      Manner = "stopped by a signal"
	Requeued     Manner = "requeued"
	RequeuedHeld Manner = "requeued and held"
	Preempted    Manner = "preempted by a job of higher priority"
	PastDeadline Manner = "its deadline came"
)

// manners are the words that tell more than their State.
var manners = map[string]Manner{
	"SUSPENDED":    Suspended,
	"STOPPED":      Stopped,
	"REQUEUED":     Requeued,
	"REQUEUE_HOLD": RequeuedHeld,
	"SPECIAL_EXIT": RequeuedHeld,
	"PREEMPTED":    Preempted,
	"DEADLINE":     PastDeadline,
}

type stateRow struct {
	word, code string
	state      State
}

// states maps the words of squeue(1) and sacct(1), JOB STATE CODES.
var states = []stateRow{
	{"PENDING", "PD", Pending},
	{"CONFIGURING", "CF", Pending},
	{"REQUEUED", "RQ", Pending},
	{"REQUEUE_FED", "RF", Pending},
	{"REQUEUE_HOLD", "RH", Pending},
	{"RESV_DEL_HOLD", "RD", Pending},
	{"SPECIAL_EXIT", "SE", Pending}, // requeued and held
	{"EXPEDITING", "EX", Pending},   // requeued, since 25.11
	{"RUNNING", "R", Running},
	{"COMPLETING", "CG", Running},
	{"RESIZING", "RS", Running},
	{"SIGNALING", "SI", Running},
	{"STAGE_OUT", "SO", Running},
	{"STOPPED", "ST", Running},
	{"SUSPENDED", "S", Running},
	{"POWER_UP_NODE", "", Pending},
	{"COMPLETED", "CD", Completed},
	{"FAILED", "F", Failed},
	{"LAUNCH_FAILED", "LF", NodeFail},
	{"RECONFIG_FAIL", "RC", NodeFail},
	{"BOOT_FAIL", "BF", NodeFail},
	{"NODE_FAIL", "NF", NodeFail},
	{"CANCELLED", "CA", Cancelled},
	{"PREEMPTED", "PR", Cancelled},
	{"TIMEOUT", "TO", TimedOut},
	{"DEADLINE", "DL", TimedOut},
	{"OUT_OF_MEMORY", "OOM", OutOfMemory},
	{"REVOKED", "RV", Unknown}, // another cluster of the federation has the job
}

// spelled are the rows that a state as Slurm prints it may stand for: one where
// it is whole, more where it was cut off.
func spelled(s string) (rows []stateRow, whole bool) {
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(s)), " ")
	stem, cut := strings.CutSuffix(word, "+")
	if stem == "" {
		return nil, false
	}
	for i, x := range states {
		switch {
		case stem == x.word, !cut && stem == x.code:
			return states[i : i+1], true
		case cut && strings.HasPrefix(x.word, stem):
			rows = append(rows, x)
		}
	}
	return rows, false
}

// ParseState maps a state as squeue or sacct prints it: a word ("RUNNING"), its
// code ("R"), with a remark ("CANCELLED by 1000"), or cut off with a plus sign
// ("OUT_OF_ME+"). What is not known, or was cut too short to tell, is Unknown:
// never Completed.
func ParseState(s string) State {
	rows, whole := spelled(s)
	if len(rows) == 0 || slices.ContainsFunc(rows, func(x stateRow) bool { return x.state != rows[0].state }) {
		return Unknown
	}
	if rows[0].state == Completed && !whole { // success is believed in full only
		return Unknown
	}
	return rows[0].state
}

// ParseManner reads the manner from the same text; "" where it was cut too short
// to tell.
func ParseManner(s string) Manner {
	rows, _ := spelled(s)
	if len(rows) == 0 || slices.ContainsFunc(rows, func(x stateRow) bool { return manners[x.word] != manners[rows[0].word] }) {
		return ""
	}
	return manners[rows[0].word]
}
