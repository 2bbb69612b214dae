package why

import "github.com/nixbatch/nixbatch/slurm"

// ways are what to do about a kind of reason for which Slurm lets a job wait.
// JOB stands for the job's id.
var ways = map[slurm.ReasonKind]string{
	slurm.NoReason:         "wait a moment",
	slurm.ForRoom:          "wait; fewer nodes, CPUs or less memory or time would fit sooner",
	slurm.ForTurn:          "wait; a shorter time limit lets it fill gaps",
	slurm.ForTime:          "wait",
	slurm.ForSystem:        "wait",
	slurm.ForJob:           "nixbatch status of the run that it comes after",
	slurm.ForNothing:       "cancel it, and retry the run that it comes after",
	slurm.ForArray:         "wait; scontrol update JobId=JOB ArrayTaskThrottle=N allows more",
	slurm.ForLicense:       "scontrol show licenses",
	slurm.ForReservation:   "scontrol show reservations",
	slurm.ReservationGone:  "submit it without",
	slurm.HeldByUser:       "scontrol release JOB",
	slurm.HeldByAdmin:      "ask them why: scontrol show job JOB may tell",
	slurm.HeldAfterLaunch:  "scontrol release JOB tries again; tell an administrator if it comes back",
	slurm.HeldAfterRequeue: "look into its log; scontrol release JOB",
	slurm.PartitionClosed:  "sinfo tells; another partition may be up",
	slurm.PartitionNodes:   "ask for fewer nodes, or another partition",
	slurm.PartitionTime:    "ask for less time: sinfo -o '%P %l'",
	slurm.PartitionLimits:  "compare it with scontrol show partition",
	slurm.NodesReserved:    "sinfo -R tells which; a maintenance may come: a shorter time limit may fit before it",
	slurm.NodesTaken:       "sinfo -R tells which",
	slurm.NodeLost:         "sinfo -R tells why",
	slurm.NoSuchNodes:      "nixbatch nodes shows what there is",
	slurm.LimitOfJobs:      "wait for some to end",
	slurm.LimitOfCPUs:      "wait, or ask for fewer",
	slurm.LimitOfMemory:    "wait, or ask for less",
	slurm.LimitOfOthers:    "wait",
	slurm.TimeSpent:        "ask for more, or use another account",
	slurm.UsageReached:     "wait, or use another QOS",
	slurm.MemoryPerJob:     "ask for less",
	slurm.AccountInvalid:   "sacctmgr show associations user=$USER",
	slurm.QOSInvalid:       "sacctmgr show associations user=$USER format=account,qos",
	slurm.BrokenSystem:     "wait; tell an administrator if it stays",
	slurm.ExitCodeNotZero:  "its log tells",
}

func wayOf(r slurm.Reason) string {
	if way, ok := ways[r.Kind()]; ok {
		return way
	}
	return "scontrol show job JOB tells more"
}
