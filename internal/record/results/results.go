package results

import (
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/load"
)

// Schema names the table's JSON.
const Schema = "nixbatch/results/v1"

// Table is the results of a run.
type Table struct {
	Schema  string   `json:"schema"`
	RunID   string   `json:"run_id"`
	Job     string   `json:"job"`     // its name
	Sweep   []string `json:"sweep"`   // names of the sweep's values
	Numbers []Column `json:"numbers"` // as the job file names them
	Tasks   []Task   `json:"tasks"`
}

// Column is one entry of numbers: in the job file.
type Column struct {
	Name string `json:"name"` // or, of one without a name, how it is found
	Unit string `json:"unit,omitempty"`
	File string `json:"file"` // or "log"
}

// Title is the column's name with its unit.
func (c Column) Title() string {
	if c.Unit == "" {
		return c.Name
	}
	return c.Name + " (" + c.Unit + ")"
}

// Task is a row of the table.
type Task struct {
	Task    int      `json:"task"`
	Values  []string `json:"values"`  // in the order of Sweep
	Numbers []Cell   `json:"numbers"` // in the order of Numbers
	// State is Slurm's word where the record has it, else what the task's files tell:
	// "completed", "failed", "incomplete" (it left no end), "not started".
	State   string   `json:"state"`
	Attempt int      `json:"attempt"`         // the last one
	Elapsed *float64 `json:"elapsed_seconds"` // null: it left no end
	Exit    *int     `json:"exit_code"`       // null, too
}

// Cell is one number of a task, or several, or why there is none.
type Cell struct {
	Values  []facts.Float `json:"values"`
	Missing string        `json:"missing,omitempty"`
}

// Of is the table of a record. states is what is known of tasks beside it, which
// wins: of a run that is not sealed yet.
func Of(r *load.Record, states map[int]string) (*Table, error) {
	names, rows, err := r.Rows()
	if err != nil {
		return nil, err
	}
	t := &Table{Schema: Schema, RunID: r.RunID, Job: r.Plan.Name, Sweep: append([]string{}, names...), Numbers: []Column{}}
	for _, l := range r.Plan.Compare {
		t.Numbers = append(t.Numbers, Column{l.Label(), l.Unit, l.Place()})
	}
	if rows == nil {
		rows = [][]string{{}} // one task
	}
	for i, values := range rows {
		t.Tasks = append(t.Tasks, Task{Task: i, Values: values, State: "not started", Numbers: t.none("the task did not start")})
	}
	if err := r.Attempts(func(a load.Attempt) error {
		if a.Last && a.Task < len(t.Tasks) {
			t.Tasks[a.Task].add(t, a)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	said, err := accounted(r)
	if err != nil {
		return nil, err
	}
	for i := range t.Tasks {
		for _, state := range []string{said[i], states[i]} {
			if state != "" {
				t.Tasks[i].State = state
			}
		}
	}
	if r.Result != nil && len(t.Sweep) == 0 {
		t.Tasks[0].State = r.Result.State
	}
	return t, nil
}

// none is a row of numbers that are missing.
func (t *Table) none(why string) []Cell {
	out := make([]Cell, len(t.Numbers))
	for i := range out {
		out[i] = Cell{Values: []facts.Float{}, Missing: why}
	}
	return out
}

// add takes what an attempt left.
func (k *Task) add(t *Table, a load.Attempt) {
	k.Attempt, k.State = a.Attempt, "incomplete"
	e := a.End
	if e == nil {
		k.Numbers = t.none("the task left no end")
		return
	}
	k.Elapsed, k.Exit = &e.Elapsed, &e.ExitCode
	switch {
	case e.Requeued:
		k.State = "requeued"
	case e.ExitCode == 0 && e.Signal == "":
		k.State = "completed"
	default:
		k.State = "failed"
	}
	if len(e.Numbers) != len(t.Numbers) {
		why := "it was not looked for"
		if e.Reason != "" {
			why += ": " + e.Reason
		}
		k.Numbers = t.none(why)
		return
	}
	for i, n := range e.Numbers {
		k.Numbers[i] = Cell{Values: append([]facts.Float{}, n.Values...), Missing: n.Problem}
		if len(n.Values) == 0 && n.Problem == "" {
			k.Numbers[i].Missing = "it was not found"
		}
	}
}

// Only is the table with one task.
func (t *Table) Only(task int) *Table {
	out := *t
	out.Tasks = nil
	for _, k := range t.Tasks {
		if k.Task == task {
			out.Tasks = append(out.Tasks, k)
		}
	}
	return &out
}

// Lacks is a number that is missing.
type Lacks struct {
	Task      int
	Name, Why string
}

// Missing are all numbers that are missing, by task.
func (t *Table) Missing() (out []Lacks) {
	for _, k := range t.Tasks {
		for i, c := range k.Numbers {
			if c.Missing != "" {
				out = append(out, Lacks{k.Task, t.Numbers[i].Name, c.Missing})
			}
		}
	}
	return out
}

// All is the values of a cell with blanks between.
func (c Cell) All() string {
	words := make([]string, len(c.Values))
	for i, v := range c.Values {
		words[i] = v.String()
	}
	return strings.Join(words, " ")
}
