package slurm_test

import (
	"testing"

	"github.com/nixbatch/nixbatch/slurm"
)

func TestReadBatchStep(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		want slurm.BatchStep
		ref  string
		ok   bool
	}{
		{nil, slurm.BatchStep{Task: -1}, "0", false},
		{map[string]string{"SLURM_JOB_ID": "12", "SLURM_CLUSTER_NAME": "Blue"}, slurm.BatchStep{JobRef: slurm.JobRef{Cluster: "blue", ID: 12}, Own: 12, Task: -1}, "12", true},
		{map[string]string{"SLURM_JOB_ID": "15", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3", "SLURM_RESTART_COUNT": "2"},
			slurm.BatchStep{JobRef: slurm.JobRef{ID: 12}, Own: 15, Task: 3, Restarts: 2}, "12_3", true},
		{map[string]string{"SLURM_JOB_ID": "twelve"}, slurm.BatchStep{Task: -1}, "0", false},
	} {
		got, ok := slurm.ReadBatchStep(func(name string) string { return tc.env[name] })
		if got != tc.want || ok != tc.ok || got.Ref() != tc.ref {
			t.Errorf("%v: %+v (%s), %v", tc.env, got, got.Ref(), ok)
		}
	}
}
