package slurm_test

import (
	"os"
	"slices"
	"testing"

	"github.com/nixbatch/nixbatch/slurm"
)

func TestCleanEnv(t *testing.T) {
	in := []string{"PATH=/bin", "HOME=/x", "SLURM_JOB_ID=1", "SLURM_CONF=/c", "SLURM_CLUSTERS=a", "SBATCH_PARTITION=p", "SRUN_CPUS_PER_TASK=2",
		"SQUEUE_FORMAT=%i", "SACCT_FORMAT=x", "SINFO_FORMAT=x", "SCANCEL_STATE=x", "PMI_RANK=0", "PMI2_X=1", "PMIX_RANK=0", "SLURMD_NODENAME=n",
		"SLURM_CPU_BIND=none", "SLURM_TIME_FORMAT=relative", "SLURMX=keep", "MYSLURM_X=keep", "EMPTY="}
	want := []string{"PATH=/bin", "HOME=/x", "SLURM_CONF=/c", "SLURM_CLUSTERS=a", "SLURMX=keep", "MYSLURM_X=keep", "EMPTY="}
	if got := slurm.CleanEnv(in); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if len(in) != 20 || in[2] != "SLURM_JOB_ID=1" || os.Getenv("PATH") == "" {
		t.Error("CleanEnv changed its argument")
	}
}
