package slurm

import "strings"

// Reason is why a job waits, or why it ended, as squeue(1) tells it (JOB REASON
// CODES).
type Reason struct {
	Code   string // Resources, ReqNodeNotAvail …
	Detail string // what stands behind it: the signal of RaisedSignal, the nodes that are not available
}

// ParseReason reads a reason as squeue prints it, with or without parentheses:
// "(Priority)", "ReqNodeNotAvail,_UnavailableNodes:n1", "RaisedSignal:9(Killed)".
func ParseReason(s string) Reason {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		s = s[1 : len(s)-1]
	}
	if reasonAt(s) >= 0 {
		return Reason{Code: s}
	}
	i := strings.IndexAny(s, ",:")
	if i < 0 || strings.Contains(s[:i], " ") { // a sentence
		return Reason{Code: s}
	}
	return Reason{s[:i], strings.TrimSpace(strings.ReplaceAll(s[i+1:], "_", " "))}
}

// Waiting is the reason in words, for a job that waits; "" where it is not known
// here.
func (r Reason) Waiting() string {
	waiting, _ := r.words()
	return waiting
}

// Ended is the reason in words, for a job that is over; "" where it is not known
// here.
func (r Reason) Ended() string {
	if r.Code == "RaisedSignal" && r.Detail != "" {
		number, _, _ := strings.Cut(r.Detail, "(")
		return "it was ended by signal " + number
	}
	_, ended := r.words()
	return ended
}

// reasons are those that squeue(1) documents, and a few sentences that releases
// up to 25.11 print in their place.
var reasons = []struct{ code, waiting, ended string }{
	{"Resources", "it is next, and waits for nodes to become free", ""},
	{"Priority", "other jobs come first", ""},
	{"None", "the scheduler has not looked at it yet", ""},
	{"BeginTime", "its begin time has not come, or it was requeued a moment ago", ""},
	{"Dependency", "it waits for another job", ""},
	{"DependencyNeverSatisfied", "what it waits for failed: it can never start", ""},
	{"JobHeldUser", "it is held by you", ""},
	{"JobHeldAdmin", "it is held by an administrator", ""},
	{"JobArrayTaskLimit", "as many tasks of the array run as may at once", ""},
	{"PartitionDown", "the partition is down", "the partition went down"},
	{"PartitionInactive", "the partition takes no jobs at the moment", ""},
	{"PartitionNodeLimit", "it asks for more nodes than the partition allows", ""},
	{"PartitionTimeLimit", "its time limit is above the partition's", ""},
	{"PartitionConfig", "the partition's limits do not allow it", ""},
	{"ReqNodeNotAvail", "nodes that it needs are down, drained or reserved", ""},
	{"NodeDown", "a node that it needs is down", "its node was lost"},
	{"BadConstraints", "no node has what it asks for", "no node has what it asks for"},
	{"Reservation", "its reservation has not begun", ""},
	{"ReservationDeleted", "its reservation was deleted", ""},
	{"Licenses", "a licence that it needs is in use", ""},
	{"Cleaning", "an earlier start of it is being tidied up", ""},
	{"AssociationJobLimit", "your account has as many jobs as it may", ""},
	{"AssocGrpCpuLimit", "your account uses as many CPUs as it may", ""},
	{"AssocGrpCPUMinutesLimit", "your account has no CPU time left", ""},
	{"AssocGrpMemLimit", "your account uses as much memory as it may", ""},
	{"AssocMaxJobsLimit", "you run as many jobs as you may", ""},
	{"QOSMaxJobsPerUserLimit", "you run as many jobs as the QOS allows", ""},
	{"QOSMaxCpuPerUserLimit", "you use as many CPUs as the QOS allows", ""},
	{"QOSMaxMemoryPerUser", "you use as much memory as the QOS allows", ""},
	{"QOSMaxSubmitJobPerUserLimit", "you have as many jobs as the QOS allows", ""},
	{"QOSGrpCpuLimit", "all users of the QOS together use as many CPUs as they may", ""},
	{"QOSNotAllowed", "the QOS is not allowed here", ""},
	{"QOSUsageThreshold", "the QOS's usage threshold is reached", ""},
	{"InvalidAccount", "its account is not valid any more", "its account is not valid any more"},
	{"InvalidQOS", "its QOS is not valid any more", "its QOS is not valid any more"},
	{"launch failed requeued held", "it could not be started on its node, and is held", ""},
	{"job requeued in held state", "it was requeued and is held", ""},
	{"JobHoldMaxRequeue", "it was requeued too often, and is held", "it was requeued too often"},
	{"NonZeroExitCode", "it ended with an exit code that is not 0", "it ended with an exit code that is not 0"},
	{"MaxMemPerLimit", "it asks for more memory than a job may", ""},
	{"BurstBufferResources", "the burst buffer is in use", ""},
	{"FrontEndDown", "no front end node is up", ""},
	{"SystemFailure", "Slurm or a node had a failure", "Slurm or a node had a failure"},
	{"Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", "nodes that it needs are down, drained or reserved", ""},
	{"JobLaunchFailure", "", "Slurm could not start it on its node"},
	{"OutOfMemory", "", "it ran out of memory"},
	{"InactiveLimit", "", "it was inactive for longer than the site allows"},
}

func (r Reason) words() (waiting, ended string) {
	if i := reasonAt(r.Code); i >= 0 {
		return reasons[i].waiting, reasons[i].ended
	}
	return "", ""
}

func reasonAt(code string) int {
	for i := range reasons {
		if reasons[i].code == code {
			return i
		}
	}
	return -1
}
