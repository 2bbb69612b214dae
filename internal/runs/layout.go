package runs

import (
	"fmt"
	"path/filepath"
)

// The names in a run directory. Other people's files depend on them.

// JobFile holds the bytes submitted.
func (r Run) JobFile() string { return filepath.Join(r.Dir, "job.yaml") }

// PlanFile holds the plan.
func (r Run) PlanFile() string { return filepath.Join(r.Dir, "plan.json") }

// ScriptFile holds what Slurm got.
func (r Run) ScriptFile() string { return filepath.Join(r.Dir, "batch.sh") }

// LinesFile holds the user's lines.
func (r Run) LinesFile() string { return filepath.Join(r.Dir, "run.sh") }

// AgentFile is the agent.
func (r Run) AgentFile() string { return filepath.Join(r.Dir, "nixbatch") }

// IntentFile is there from before sbatch is called.
func (r Run) IntentFile() string { return filepath.Join(r.Dir, "intent.json") }

// SubmitFile is there once the job id is known.
func (r Run) SubmitFile() string { return filepath.Join(r.Dir, "submit.json") }

// EnvLink is the link to the environment built for an arch.
func (r Run) EnvLink(arch string) string { return filepath.Join(r.Dir, "env", arch) }

// LogFile is what a task printed.
func (r Run) LogFile(task int) string {
	return filepath.Join(r.Dir, "logs", fmt.Sprintf("%d.log", task))
}

// tasksPerDir keeps the tasks of a large array from crowding one directory.
const tasksPerDir = 1000

// TaskDir holds the attempts of a task.
func (r Run) TaskDir(task int) string {
	first := task / tasksPerDir * tasksPerDir
	return filepath.Join(r.Dir, "tasks", fmt.Sprintf("%d-%d", first, first+tasksPerDir-1), fmt.Sprint(task))
}

// AttemptDir holds start.json and end.json of one start of a task.
func (r Run) AttemptDir(task, attempt int) string {
	return filepath.Join(r.TaskDir(task), fmt.Sprintf("attempt-%d", attempt))
}

// StartFile is written before the user's first line.
func (r Run) StartFile(task, attempt int) string {
	return filepath.Join(r.AttemptDir(task, attempt), "start.json")
}

// EndFile is written after the user's last line.
func (r Run) EndFile(task, attempt int) string {
	return filepath.Join(r.AttemptDir(task, attempt), "end.json")
}

// AliveFile is locked by the agent while it lives.
func (r Run) AliveFile(task, attempt int) string {
	return filepath.Join(r.AttemptDir(task, attempt), "alive")
}
