package slurm

import (
	"strconv"
	"strings"
)

// BatchStep is the job that a process runs in, by the variables that Slurm gives
// to a batch script (sbatch(1), OUTPUT ENVIRONMENT VARIABLES).
type BatchStep struct {
	JobRef         // of an array the array's number; neither time nor user are told
	Own      int64 // the number that the task of an array has for itself; else the job's
	Task     int   // index in the array, or -1
	Restarts int   // how often the job was started before
}

// ReadBatchStep reads them. It is not ok outside of Slurm.
func ReadBatchStep(getenv func(string) string) (b BatchStep, ok bool) {
	b = BatchStep{Own: atoi64(getenv("SLURM_JOB_ID")), Task: -1, Restarts: atoi(getenv("SLURM_RESTART_COUNT"))}
	b.Cluster, b.ID = strings.ToLower(getenv("SLURM_CLUSTER_NAME")), b.Own
	if array := atoi64(getenv("SLURM_ARRAY_JOB_ID")); array != 0 {
		b.ID = array
	}
	if index := getenv("SLURM_ARRAY_TASK_ID"); index != "" {
		b.Task = atoi(index)
	}
	return b, b.Own != 0
}

// Ref is the job, or the task of the array, as scontrol takes it: 12, 12_3.
func (b BatchStep) Ref() string {
	if b.Task < 0 {
		return b.String()
	}
	return b.String() + "_" + strconv.Itoa(b.Task)
}
