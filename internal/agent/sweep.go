package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// begin is what follows the claim: it opens the log of a task of a sweep, and
// finds the task's values.
func (a *Agent) begin() error {
	if a.plan.Sweep == nil {
		return nil
	}
	name := a.Run.LogFile(a.task)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	log, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	a.Stdout, a.Stderr = log, log // until the process ends
	if a.row, err = a.Run.Row(a.task); err != nil {
		return err
	}
	return a.plan.Task(a.row)
}

// sweepVars adds the task's values to the variables, over those of threads.
func (a *Agent) sweepVars() {
	for _, v := range a.row {
		a.start.Vars = slices.DeleteFunc(a.start.Vars, func(o facts.Var) bool { return o.Name == v.Name })
		a.start.Vars = append(a.start.Vars, facts.Var{Name: v.Name, Value: v.Value, From: "sweep"})
	}
}
