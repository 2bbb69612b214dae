package agent

import (
	"slices"
	"strings"
)

// Kept is what a payload keeps of the batch step's environment, beside the
// variables of Slurm itself. Everything else comes from the pinned environment
// or from the job file.
var Kept = []string{
	"HOME", "USER", "LOGNAME", "TZ", "TMPDIR", "TERM",
	"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK",
	"NIXBATCH_CPUINFO", "KRB5CCNAME",
}

// keptPrefixes are the families of variables that Slurm and its plugins set in
// a batch step. PMI's and PMIx's it sets for the ranks of a step alone, and
// SRUN_ variables never: what is there of them is a caller's.
var keptPrefixes = []string{"SLURM_", "SLURMD_"}

// fromCaller are variables of those families that Slurm never sets in a batch
// step: they came from whoever submitted.
var fromCaller = []string{"SLURM_CPU_BIND", "SLURM_MEM_BIND", "SLURM_HINT", "SLURM_DISTRIBUTION", "SLURM_EXCLUSIVE", "SLURM_MPI_TYPE"}

// locale is the one that nixpkgs builds into its C library (SUPPORTED-LOCALES in its
// glibc/default.nix): what a program sorts and prints does not depend on who
// submits. env of the job file may set another.
const locale = "C.UTF-8"

// payloadEnv is the environment that the pinned bash starts in.
func (a *Agent) payloadEnv() []string {
	out := append(a.siteEnv(), "LANG="+locale)
	set := func(name, value string) {
		out = slices.DeleteFunc(out, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
		out = append(out, name+"="+value)
	}
	if a.plan.Home == "own" {
		set("HOME", a.Run.HomeDir(a.task))
	}
	if a.temp != "" {
		set("TMPDIR", a.temp)
	}
	return out
}

// siteEnv is what is kept of the batch step's environment.
func (a *Agent) siteEnv() []string {
	var out []string
	for _, kv := range a.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		keep := slices.Contains(Kept, name) || slices.ContainsFunc(keptPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if keep && !slices.Contains(fromCaller, name) {
			out = append(out, kv)
		}
	}
	return out
}

// stepEnv is the environment of the step that looks at the nodes: Slurm's own
// programs need no more. It asks for one CPU of each node; since 23.11 srun stops
// when that contradicts what the job's tasks have by SLURM_TRES_PER_TASK.
func (a *Agent) stepEnv() []string {
	env := slices.DeleteFunc(a.siteEnv(), func(kv string) bool {
		return strings.HasPrefix(kv, "SLURM_CPUS_PER_TASK=") || strings.HasPrefix(kv, "SLURM_TRES_PER_TASK=")
	})
	return append(env, "PATH="+a.Getenv("PATH"))
}

// srun is the site's srun, by the batch step's PATH.
func (a *Agent) srun() string {
	if p, err := a.Find("srun"); err == nil {
		return p
	}
	return "srun"
}

// slurmVars is the variables of Slurm's that belong in a record: the layout,
// no names.
func (a *Agent) slurmVars() map[string]string {
	out := map[string]string{}
	for _, n := range []string{
		"SLURM_CPUS_ON_NODE", "SLURM_CPUS_PER_TASK", "SLURM_JOB_CPUS_PER_NODE", "SLURM_JOB_NUM_NODES", "SLURM_MEM_PER_CPU",
		"SLURM_MEM_PER_NODE", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_RESTART_COUNT", "SLURM_TASKS_PER_NODE",
		"SLURM_THREADS_PER_CORE", "SLURM_ARRAY_TASK_ID", "SLURM_HINT", "SLURM_OVERCOMMIT", "SLURM_CPUS_PER_GPU", "SLURM_GPUS", "SLURM_GPUS_ON_NODE",
	} {
		if v := a.Getenv(n); v != "" {
			out[n] = v
		}
	}
	return out
}
