package slurm

import (
	"slices"
	"strings"
)

// dropped begin the names of variables that change what Slurm's commands do, or
// that a job would inherit. A PMI variable of a surrounding job would make the
// next one believe it is a rank of that.
var dropped = []string{"SLURM_", "SLURMD_", "SBATCH_", "SALLOC_", "SRUN_", "SQUEUE_", "SACCT_", "SINFO_", "SCANCEL_", "SCONTROL_", "SPANK_", "PMI_", "PMI2_", "PMIX_"}

// reaching are the exceptions: which cluster to talk to, and the token to do so.
var reaching = []string{"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT"}

// Reaches reports whether a variable is one of those by which Slurm's commands
// find their controller: SLURM_CONF, SLURM_CONF_SERVER, SLURM_CLUSTERS and
// SLURM_JWT.
func Reaches(name string) bool { return slices.Contains(reaching, name) }

// Where tells, as one text, which cluster an environment has Slurm's commands
// speak to: what was learnt of one is not true of another. It asks nobody, and may
// have two texts for one cluster.
func Where(getenv func(string) string) string {
	return strings.Join([]string{getenv("SLURM_CONF"), getenv("SLURM_CONF_SERVER"), getenv("SLURM_CLUSTERS")}, "\n")
}

// CleanEnv returns an environment (KEY=VALUE, as os.Environ gives it) without
// the variables that steer Slurm's commands: SLURM_*, SBATCH_*, SRUN_*,
// SQUEUE_*, SACCT_*, SINFO_*, SCANCEL_*, PMI*, PMIX_* and their like. SLURM_CONF
// and SLURM_CLUSTERS stay, and so do SLURM_CONF_SERVER and SLURM_JWT, which say
// how the controller is reached.
func CleanEnv(environ []string) []string {
	out := make([]string, 0, len(environ))
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if Reaches(name) || !drops(name) {
			out = append(out, kv)
		}
	}
	return out
}

func drops(name string) bool {
	for _, p := range dropped {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
