package slurm

import "strings"

// refusal is a message after which nothing was accepted.
type refusal struct{ text, hint string }

// refusals are the messages of slurmctld's answers to a submission, as
// slurm_strerror(3) words them: each says that the job was looked at and not
// taken. Anything not listed (a time-out, a lost connection, "Unspecified
// error") leaves open what happened.
var refusals = []refusal{
	{"Invalid partition name specified", "sinfo -s lists the partitions"},
	{"No partition specified or system default partition", "set the option partition: sinfo -s lists them"},
	{"User's group not permitted to use this partition", "sinfo -s lists the partitions"},
	{"Requested partition configuration not available now", "see nodes, mem and time against sinfo -l"},
	{"Required partition not available (inactive or drain)", "sinfo -s tells which partitions are up"},
	{"Multiple partition job request not supported when a partition is set in the association", "name one partition"},
	{"Invalid account or account/partition combination specified", "sacctmgr show associations user=$USER lists your accounts"},
	{"Invalid qos specification", "sacctmgr show associations user=$USER format=account,qos lists them"},
	{"Job violates accounting/QOS policy", "ask for less, or wait until some of your jobs are done"},
	{"Requested account has breached requested QOS usage threshold", ""},
	{"Requested time limit is invalid", "sinfo -o '%P %l' shows the limit of each partition"},
	{"Time limit specification required, but not provided", "set the option time"},
	{"Invalid time-min specification", ""},
	{"Invalid deadline time", ""},
	{"Requested node configuration is not available", "sinfo -N -o '%N %c %m %f' shows what the nodes have"},
	{"Requested nodes not in this partition", "sinfo -N -p PARTITION lists its nodes"},
	{"Required node not available (down, drained or reserved)", "sinfo -R tells why nodes are down"},
	{"Invalid node name specified", "sinfo -N lists the nodes"},
	{"Node count specification invalid", "see nodes against the partition's limits"},
	{"More processors requested than permitted", ""},
	{"CPU count specification invalid", ""},
	{"CPU count per node can not be satisfied", ""},
	{"Task count specification invalid", ""},
	{"Task distribution specification invalid", ""},
	{"Requested more tasks than available processors", ""},
	{"Job size specification needs to be provided", "set nodes or ntasks"},
	{"Memory required by task is not available", "ask for less memory"},
	{"Memory specification can not be satisfied", "ask for less memory"},
	{"Invalid feature specification", "sinfo -o '%N %f' lists the features"},
	{"Invalid preferred feature specification", "sinfo -o '%N %f' lists the features"},
	{"Job --batch option is invalid or not a subset of --constraints", ""},
	{"Invalid generic resource (gres) specification", "sinfo -o '%N %G' lists them"},
	{"Invalid GRES specification (with and without type identification)", ""},
	{"Duplicate generic resource (gres) specification", ""},
	{"Requested GRES option unsupported by configured SelectType plugin", ""},
	{"Invalid Trackable RESource (TRES) specification", ""},
	{"Invalid license specification", "scontrol show licenses lists them"},
	{"Requested reservation is invalid", "scontrol show reservations lists them"},
	{"Access denied to requested reservation", ""},
	{"Invalid job array specification", "see MaxArraySize in scontrol show config"},
	{"Job dependency problem", "the job waited for may be gone: squeue --me"},
	{"Invalid wckey specification", ""},
	{"Invalid burst buffer specification", ""},
	{"Burst Buffer permission denied", ""},
	{"Invalid mcs_label specified", ""},
	{"Invalid accounting frequency requested", ""},
	{"Access/permission denied", ""},
	{"Requested operation not supported on this system", ""},
	{"Requested operation is presently disabled", ""},
	{"Pathname of a file, directory or other parameter too long", ""},
	{"Invalid user id", ""},
	{"Invalid group id", ""},
	{"Container support is not configured", ""},
}

// parseErrors begin the messages of an sbatch that never came to call the
// controller. %m texts of the network are not among them.
var parseErrors = []string{
	"Invalid --", "Invalid numeric value", "unrecognized --", "unrecognized option", "invalid option --",
	"option '--", "option requires an argument", "invalid --",
	"Invalid argument: ", "Invalid directive found in batch script",
	"Maximum node count ", "Batch script is empty!", "Batch script contains only whitespace!",
	"Batch script contains DOS line breaks", "This does not look like a batch script",
	"Could not establish a configuration source", "Change from #SLURM to #SBATCH",
}

// refused reports whether sbatch's stderr says that nothing was accepted. The
// last word counts: sbatch retries by itself, and a message of the network
// after a refusal would be about something else.
func refused(stderr string) bool {
	const failed = "Batch job submission failed: "
	if i := strings.LastIndex(stderr, failed); i >= 0 {
		last := stderr[i+len(failed):]
		for _, r := range refusals {
			if strings.HasPrefix(last, r.text) {
				return true
			}
		}
		return false
	}
	for _, l := range strings.Split(stderr, "\n") {
		l = strings.TrimPrefix(strings.TrimSpace(l), "sbatch: ")
		l = strings.TrimPrefix(strings.TrimPrefix(l, "error: "), "fatal: ")
		for _, p := range parseErrors {
			if strings.HasPrefix(l, p) {
				return true
			}
		}
		// sbatch checks some of the controller's concerns itself.
		for _, r := range refusals {
			if l == r.text {
				return true
			}
		}
	}
	return false
}
