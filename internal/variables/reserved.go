// Package variables knows which environment variables a job file must not set,
// and why.
//
// It promises that whole families are refused where Slurm or nixbatch set them by
// themselves, and that each that is refused has a reason in words for people.
package variables

import "strings"

// Family is a variable, or a family of them, that a job file must not
// set, because somebody else does or because it would undo the environment.
type Family struct {
	Name   string // a * at its end stands for anything
	Reason string
	Hint   string // the way out, or ""
}

// Matches tells whether a variable is of the family.
func (r Family) Matches(name string) bool {
	if start, family := strings.CutSuffix(r.Name, "*"); family {
		return strings.HasPrefix(name, start)
	}
	return name == r.Name
}

const (
	bySlurm  = "Slurm sets it"
	byBash   = "bash keeps it for itself"
	byLoader = "it would put foreign code into every program of the environment"
	inRun    = "set it in run, before the one program that needs it"
)

// Reserved lists the variables that env refuses. Slurm's are those of the
// section "output environment variables" of sbatch(1) and the input variables
// of sbatch(1) and srun(1), the loader's are from ld.so(8), bash's from the
// section "shell variables" of bash(1).
var Reserved = []Family{
	{"SLURM_*", bySlurm, "use the option below slurm"},
	{"SLURMD_*", bySlurm, ""},
	{"SBATCH_*", "it would change sbatch's options unseen", "use the option below slurm"},
	{"SRUN_*", "it would change srun's options unseen", "pass the option to srun in run"},
	{"PMI_*", bySlurm, ""},
	{"PMIX_*", bySlurm, ""},
	{"NIXBATCH_*", "nixbatch sets it", ""},
	{"LD_PRELOAD", byLoader, inRun},
	{"LD_AUDIT", byLoader, inRun},
	{"LD_LIBRARY_PATH", "it would replace the libraries of pinned programs", inRun},
	{"PATH", "the environment sets it", "extend it in run: PATH=$PWD/bin:$PATH"},
	{"PWD", byBash, "write cd DIRECTORY in run"},
	{"OLDPWD", byBash, ""},
	{"SHLVL", byBash, ""},
	{"IFS", byBash, "set it in run"},
	{"ENV", "a shell would run the file it names", "write the lines in run"},
	{"UID", byBash, ""},
	{"EUID", byBash, ""},
	{"PPID", byBash, ""},
	{"SHELLOPTS", byBash, "write set -o OPTION in run"},
	{"BASH*", byBash, "write the lines in run"},
}
