package submit

import (
	"slices"
	"strings"
)

// QueueEnv is what Slurm's commands, and through sbatch the job, see of the
// caller's environment: what they need to work, none of what could steer a job
// or be a secret.
func QueueEnv(environ []string) []string {
	keep := []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "NIXBATCH_CPUINFO", "KRB5CCNAME",
		"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT"}
	var out []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if slices.Contains(keep, name) {
			out = append(out, kv)
		}
	}
	return out
}
