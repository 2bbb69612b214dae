package plan

import (
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/slurm"
)

// Place is where a run lives, as its script has to know it.
type Place struct {
	RunID   string
	RunDir  string // absolute, seen under the same path on every node
	WorkDir string // absolute: where the job file is
	Log     string // relative to WorkDir: see Script
}

// Script is the batch script: #SBATCH lines, and the agent started from the run
// directory. The log's name is relative, because Slurm expands % and \ in the
// names of outputs, but not in the directory that they are relative to.
func (p *Plan) Script(at Place) (string, error) {
	for _, dir := range []string{at.RunDir, at.WorkDir} {
		if strings.ContainsAny(dir, "\n\x00") {
			return "", &Error{fmt.Sprintf("the directory %q has a line break in its name, which no #SBATCH line can hold", dir), "rename the directory"}
		}
	}
	o := slurm.Options{
		{Name: "job-name", Value: p.Name},
		{Name: "chdir", Value: at.WorkDir},
		{Name: "output", Value: at.Log},
		{Name: "open-mode", Value: "append"},
	}
	lines, err := append(o, p.Slurm...).Lines()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	fmt.Fprintf(&b, "\n# Run %s, written by nixbatch %s.\n"+
		"# The agent becomes the batch process itself, so that it gets Slurm's signals.\n"+
		"# What it does is in plan.json, the user's lines are in run.sh.\n", at.RunID, p.Tool.Version)
	fmt.Fprintf(&b, "run=%s\n", proc.Quote(at.RunDir))
	b.WriteString(`if ! [ -x "$run/nixbatch" ]; then
  echo "nixbatch: the run directory is not visible on $(uname -n): $run" >&2
  echo "hint: submit from a directory that the nodes share" >&2
  exit 120
fi
exec "$run/nixbatch" agent "$run"
`)
	return b.String(), nil
}
