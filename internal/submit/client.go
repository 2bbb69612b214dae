package submit

import (
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/slurm"
)

// QueueEnv is what Slurm's commands, and through sbatch the job, see of the
// caller's environment: what they need to work, none of what could steer a job
// or be a secret.
func QueueEnv(environ []string) []string {
	keep := []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "NIXBATCH_CPUINFO", "KRB5CCNAME"}
	var out []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if slices.Contains(keep, name) || slurm.Reaches(name) {
			out = append(out, kv)
		}
	}
	return out
}
