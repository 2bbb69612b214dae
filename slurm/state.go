package slurm

import "strings"

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

// states maps the words of squeue(1) and sacct(1), JOB STATE CODES.
var states = []struct {
	word, code string
	state      State
}{
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

// ParseState maps a state as squeue or sacct prints it: a word ("RUNNING"), its
// code ("R"), with a remark ("CANCELLED by 1000"), or cut off with a plus sign
// ("OUT_OF_ME+"). What is not known, or was cut too short to tell, is Unknown:
// never Completed.
func ParseState(s string) State {
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(s)), " ")
	stem, cut := strings.CutSuffix(word, "+")
	if word == "" || stem == "" {
		return Unknown
	}
	found := Unknown
	for _, x := range states {
		switch {
		case stem == x.word, !cut && stem == x.code:
			return x.state
		case cut && strings.HasPrefix(x.word, stem):
			if found != Unknown && found != x.state {
				return Unknown
			}
			found = x.state
		}
	}
	if found == Completed { // success is believed in full only
		return Unknown
	}
	return found
}
