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

// Kind is what a reason is about, for what can be done about it.
func (r Reason) Kind() ReasonKind {
	if i := reasonAt(r.Code); i >= 0 {
		return reasons[i].kind
	}
	return OtherReason
}

// ReasonKind says what a job waits for, what keeps it, or what ended it.
type ReasonKind int

// The kinds, with the codes of squeue(1) that they stand for.
const (
	OtherReason      ReasonKind = iota // none that is known here
	NoReason                           // None: the scheduler has not looked at it
	ForRoom                            // Resources
	ForTurn                            // Priority
	ForTime                            // BeginTime
	ForSystem                          // Cleaning, BurstBufferResources, FrontEndDown: what passes by itself
	ForJob                             // Dependency
	ForNothing                         // DependencyNeverSatisfied
	ForArray                           // JobArrayTaskLimit
	ForLicense                         // Licenses
	ForReservation                     // Reservation
	ReservationGone                    // ReservationDeleted
	HeldByUser                         // JobHeldUser, job requeued in held state
	HeldByAdmin                        // JobHeldAdmin
	HeldAfterLaunch                    // launch failed requeued held
	HeldAfterRequeue                   // JobHoldMaxRequeue
	PartitionClosed                    // PartitionDown, PartitionInactive
	PartitionNodes                     // PartitionNodeLimit
	PartitionTime                      // PartitionTimeLimit
	PartitionLimits                    // PartitionConfig
	NodesReserved                      // ReqNodeNotAvail: down, or reserved for later
	NodesTaken                         // Nodes required for job are DOWN, DRAINED or reserved …
	NodeLost                           // NodeDown
	NoSuchNodes                        // BadConstraints
	LimitOfJobs                        // a user, account or QOS has as many jobs as it may
	LimitOfCPUs                        // a user or account uses as many CPUs as it may
	LimitOfMemory                      // a user or account uses as much memory as it may
	LimitOfOthers                      // QOSGrpCpuLimit: all users of a QOS together
	TimeSpent                          // AssocGrpCPUMinutesLimit
	UsageReached                       // QOSUsageThreshold
	MemoryPerJob                       // MaxMemPerLimit
	AccountInvalid                     // InvalidAccount
	QOSInvalid                         // InvalidQOS, QOSNotAllowed
	BrokenSystem                       // SystemFailure
	LaunchFailed                       // JobLaunchFailure
	ExitCodeNotZero                    // NonZeroExitCode
	MemoryExceeded                     // OutOfMemory
	Inactive                           // InactiveLimit
)

// reasons are those that squeue(1) documents, and a few sentences that releases
// up to 25.11 print in their place.
var reasons = []struct {
	code           string
	kind           ReasonKind
	waiting, ended string
}{
	{"Resources", ForRoom, "it is next, and waits for nodes to become free", ""},
	{"Priority", ForTurn, "other jobs come first", ""},
	{"None", NoReason, "the scheduler has not looked at it yet", ""},
	{"BeginTime", ForTime, "its begin time has not come, or it was requeued a moment ago", ""},
	{"Dependency", ForJob, "it waits for another job", ""},
	{"DependencyNeverSatisfied", ForNothing, "what it waits for failed: it can never start", ""},
	{"JobHeldUser", HeldByUser, "it is held by you", ""},
	{"JobHeldAdmin", HeldByAdmin, "it is held by an administrator", ""},
	{"JobArrayTaskLimit", ForArray, "as many tasks of the array run as may at once", ""},
	{"PartitionDown", PartitionClosed, "the partition is down", "the partition went down"},
	{"PartitionInactive", PartitionClosed, "the partition takes no jobs at the moment", ""},
	{"PartitionNodeLimit", PartitionNodes, "it asks for more nodes than the partition allows", ""},
	{"PartitionTimeLimit", PartitionTime, "its time limit is above the partition's", ""},
	{"PartitionConfig", PartitionLimits, "the partition's limits do not allow it", ""},
	{"ReqNodeNotAvail", NodesReserved, "nodes that it needs are down, drained or reserved", ""},
	{"NodeDown", NodeLost, "a node that it needs is down", "its node was lost"},
	{"BadConstraints", NoSuchNodes, "no node has what it asks for", "no node has what it asks for"},
	{"Reservation", ForReservation, "its reservation has not begun", ""},
	{"ReservationDeleted", ReservationGone, "its reservation was deleted", ""},
	{"Licenses", ForLicense, "a licence that it needs is in use", ""},
	{"Cleaning", ForSystem, "an earlier start of it is being tidied up", ""},
	{"AssociationJobLimit", LimitOfJobs, "your account has as many jobs as it may", ""},
	{"AssocGrpCpuLimit", LimitOfCPUs, "your account uses as many CPUs as it may", ""},
	{"AssocGrpCPUMinutesLimit", TimeSpent, "your account has no CPU time left", ""},
	{"AssocGrpMemLimit", LimitOfMemory, "your account uses as much memory as it may", ""},
	{"AssocMaxJobsLimit", LimitOfJobs, "you run as many jobs as you may", ""},
	{"QOSMaxJobsPerUserLimit", LimitOfJobs, "you run as many jobs as the QOS allows", ""},
	{"QOSMaxCpuPerUserLimit", LimitOfCPUs, "you use as many CPUs as the QOS allows", ""},
	{"QOSMaxMemoryPerUser", LimitOfMemory, "you use as much memory as the QOS allows", ""},
	{"QOSMaxSubmitJobPerUserLimit", LimitOfJobs, "you have as many jobs as the QOS allows", ""},
	{"QOSGrpCpuLimit", LimitOfOthers, "all users of the QOS together use as many CPUs as they may", ""},
	{"QOSNotAllowed", QOSInvalid, "the QOS is not allowed here", ""},
	{"QOSUsageThreshold", UsageReached, "the QOS's usage threshold is reached", ""},
	{"InvalidAccount", AccountInvalid, "its account is not valid any more", "its account is not valid any more"},
	{"InvalidQOS", QOSInvalid, "its QOS is not valid any more", "its QOS is not valid any more"},
	{"launch failed requeued held", HeldAfterLaunch, "it could not be started on its node, and is held", ""},
	{"job requeued in held state", HeldByUser, "it was requeued and is held", ""},
	{"JobHoldMaxRequeue", HeldAfterRequeue, "it was requeued too often, and is held", "it was requeued too often"},
	{"NonZeroExitCode", ExitCodeNotZero, "it ended with an exit code that is not 0", "it ended with an exit code that is not 0"},
	{"MaxMemPerLimit", MemoryPerJob, "it asks for more memory than a job may", ""},
	{"BurstBufferResources", ForSystem, "the burst buffer is in use", ""},
	{"FrontEndDown", ForSystem, "no front end node is up", ""},
	{"SystemFailure", BrokenSystem, "Slurm or a node had a failure", "Slurm or a node had a failure"},
	{"Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", NodesTaken, "nodes that it needs are down, drained or reserved", ""},
	{"JobLaunchFailure", LaunchFailed, "", "Slurm could not start it on its node"},
	{"OutOfMemory", MemoryExceeded, "", "it ran out of memory"},
	{"InactiveLimit", Inactive, "", "it was inactive for longer than the site allows"},
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
