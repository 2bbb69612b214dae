package rundir

import (
	"fmt"
	"path/filepath"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// The names in a run directory. Other people's files depend on them.

// JobFile holds the bytes submitted.
func (r Run) JobFile() string { return filepath.Join(r.Dir, facts.JobFile) }

// PlanFile holds the plan.
func (r Run) PlanFile() string { return filepath.Join(r.Dir, facts.PlanFile) }

// ScriptFile holds what Slurm got.
func (r Run) ScriptFile() string { return filepath.Join(r.Dir, facts.ScriptFile) }

// LinesFile holds the user's lines.
func (r Run) LinesFile() string { return filepath.Join(r.Dir, facts.LinesFile) }

// AgentFile is the agent.
func (r Run) AgentFile() string { return filepath.Join(r.Dir, "nixbatch") }

// BinDir holds the command launch, for PATH.
func (r Run) BinDir() string { return filepath.Join(r.Dir, "bin") }

// SubmitFile is there once the job id is known.
func (r Run) SubmitFile() string { return filepath.Join(r.Dir, facts.SubmitFile) }

// EnvLink is the link to the environment built for an arch.
func (r Run) EnvLink(arch string) string { return filepath.Join(r.Dir, "env", arch) }

// EnvFact describes that environment: facts.Environment.
func (r Run) EnvFact(arch string) string { return filepath.Join(r.Dir, "env", arch+".json") }

// AccountingFile is what Slurm's accounting kept: facts.Accounting.
func (r Run) AccountingFile() string { return filepath.Join(r.Dir, facts.AccountingFile) }

// ResultFile is how the run was found to have ended: facts.Result.
func (r Run) ResultFile() string { return filepath.Join(r.Dir, facts.ResultFile) }

// SealFile is there once the run is over and its record sealed.
func (r Run) SealFile() string { return filepath.Join(r.Dir, facts.SealFile) }

// tasksPerDir keeps the tasks of a large array from crowding one directory.
const tasksPerDir = 1000

// LogFile is what a task printed.
func (r Run) LogFile(task int) string {
	name := fmt.Sprintf("%d.log", task)
	if task < tasksPerDir {
		return filepath.Join(r.Dir, "logs", name)
	}
	return filepath.Join(r.Dir, "logs", taskRange(task), name)
}

// SlurmLog is what Slurm itself, and the agents before they know their task,
// say of a sweep's tasks.
func (r Run) SlurmLog() string { return filepath.Join(r.Dir, "logs", "slurm.log") }

func taskRange(task int) string {
	first := task / tasksPerDir * tasksPerDir
	return fmt.Sprintf("%d-%d", first, first+tasksPerDir-1)
}

// TaskDir holds the attempts of a task.
func (r Run) TaskDir(task int) string {
	return filepath.Join(r.Dir, "tasks", taskRange(task), fmt.Sprint(task))
}

// TopDir is all that belongs to a task's own directory, where that is not on a
// node: see stage.Place.
func (r Run) TopDir(task int) string { return filepath.Join(r.TaskDir(task), "own") }

// CarryDir holds what a task goes on from whose own directory is on a node.
func (r Run) CarryDir(task int) string { return filepath.Join(r.TaskDir(task), "carry") }

// HomeDir is a task's HOME.
func (r Run) HomeDir(task int) string { return filepath.Join(r.TaskDir(task), "home") }

// KeptDir holds the files that the run keeps, by their hashes.
func (r Run) KeptDir() string { return filepath.Join(r.Dir, facts.KeptDir) }

// InputsFile is what was submitted to be read: facts.Inputs.
func (r Run) InputsFile() string { return filepath.Join(r.Dir, facts.InputsFile) }

// AttemptDir holds start.json and end.json of one start of a task.
func (r Run) AttemptDir(task, attempt int) string {
	return filepath.Join(r.TaskDir(task), fmt.Sprintf("attempt-%d", attempt))
}

// StartFile is written before the user's first line.
func (r Run) StartFile(task, attempt int) string {
	return filepath.Join(r.AttemptDir(task, attempt), facts.StartFile)
}

// EndFile is written after the user's last line.
func (r Run) EndFile(task, attempt int) string {
	return filepath.Join(r.AttemptDir(task, attempt), facts.EndFile)
}

// AliveFile is locked by the agent while it lives.
func (r Run) AliveFile(task, attempt int) string {
	return filepath.Join(r.AttemptDir(task, attempt), "alive")
}
