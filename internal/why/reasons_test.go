package why

import (
	"testing"

	"github.com/nixbatch/nixbatch/slurm"
)

// What is said to do, for every reason that Slurm has words of its own for.
func TestWays(t *testing.T) {
	for code, want := range map[string]string{
		"Resources":                   "wait; fewer nodes, CPUs or less memory or time would fit sooner",
		"Priority":                    "wait; a shorter time limit lets it fill gaps",
		"None":                        "wait a moment",
		"BeginTime":                   "wait",
		"Dependency":                  "nixbatch status of the run that it comes after",
		"DependencyNeverSatisfied":    "cancel it, and retry the run that it comes after",
		"JobHeldUser":                 "scontrol release JOB",
		"JobHeldAdmin":                "ask them why: scontrol show job JOB may tell",
		"JobArrayTaskLimit":           "wait; scontrol update JobId=JOB ArrayTaskThrottle=N allows more",
		"PartitionDown":               "sinfo tells; another partition may be up",
		"PartitionInactive":           "sinfo tells; another partition may be up",
		"PartitionNodeLimit":          "ask for fewer nodes, or another partition",
		"PartitionTimeLimit":          "ask for less time: sinfo -o '%P %l'",
		"PartitionConfig":             "compare it with scontrol show partition",
		"ReqNodeNotAvail":             "sinfo -R tells which; a maintenance may come: a shorter time limit may fit before it",
		"NodeDown":                    "sinfo -R tells why",
		"BadConstraints":              "nixbatch nodes shows what there is",
		"Reservation":                 "scontrol show reservations",
		"ReservationDeleted":          "submit it without",
		"Licenses":                    "scontrol show licenses",
		"Cleaning":                    "wait",
		"AssociationJobLimit":         "wait for some to end",
		"AssocGrpCpuLimit":            "wait, or ask for fewer",
		"AssocGrpCPUMinutesLimit":     "ask for more, or use another account",
		"AssocGrpMemLimit":            "wait, or ask for less",
		"AssocMaxJobsLimit":           "wait for some to end",
		"QOSMaxJobsPerUserLimit":      "wait for some to end",
		"QOSMaxCpuPerUserLimit":       "wait, or ask for fewer",
		"QOSMaxMemoryPerUser":         "wait, or ask for less",
		"QOSMaxSubmitJobPerUserLimit": "wait for some to end",
		"QOSGrpCpuLimit":              "wait",
		"QOSNotAllowed":               "sacctmgr show associations user=$USER format=account,qos",
		"QOSUsageThreshold":           "wait, or use another QOS",
		"InvalidAccount":              "sacctmgr show associations user=$USER",
		"InvalidQOS":                  "sacctmgr show associations user=$USER format=account,qos",
		"launch failed requeued held": "scontrol release JOB tries again; tell an administrator if it comes back",
		"job requeued in held state":  "scontrol release JOB",
		"JobHoldMaxRequeue":           "look into its log; scontrol release JOB",
		"NonZeroExitCode":             "its log tells",
		"MaxMemPerLimit":              "ask for less",
		"BurstBufferResources":        "wait",
		"FrontEndDown":                "wait",
		"SystemFailure":               "wait; tell an administrator if it stays",
		"Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions": "sinfo -R tells which",
		"Moonshine": "scontrol show job JOB tells more",
	} {
		r := slurm.ParseReason("(" + code + ")")
		if got := wayOf(r); got != want {
			t.Errorf("%s: %q", code, got)
		}
		if known := r.Waiting() != ""; known != (code != "Moonshine") {
			t.Errorf("%s: it waits because %q", code, r.Waiting())
		}
	}
}
