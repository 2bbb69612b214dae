package ledger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// GetTask finds a run, or one task of it: RUN.TASK. task is -1 for the run.
func GetTask(p rundir.Project, name string) (r rundir.Run, task int, err error) {
	r, err = p.Get(name)
	if err == nil {
		return r, -1, nil
	}
	head, tail, ok := cutLast(name, ".")
	n, nerr := strconv.Atoi(tail)
	if !ok || nerr != nil || n < 0 || head == "" {
		return r, -1, err
	}
	if r, gerr := p.Get(head); gerr == nil {
		if n > 0 && !hasTask(r, n) {
			return r, -1, fault.New(fmt.Sprintf("run %s has no task %d", r.ID, n), "nixbatch status "+r.ID+" lists its tasks")
		}
		return r, n, nil
	}
	return r, -1, err
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func hasTask(r rundir.Run, n int) bool {
	ins, err := Intents(r)
	if err != nil || len(ins) == 0 {
		return false
	}
	return slices.ContainsFunc(CallsOf(ins[0]), func(c facts.Call) bool { return slices.Contains(TasksOf(c), n) })
}
