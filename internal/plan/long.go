package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Sweep is a job of many tasks; what each of them has for values is in the
// run's table, not in the plan.
type Sweep struct {
	Tasks      int      `json:"tasks"`
	Names      []string `json:"names"`
	MaxRunning int      `json:"max_running,omitempty"` // 0: no limit of the job's own
	First      string   `json:"first"`                 // the first task's values, to look at
}

// Checkpoint is jobspec.Checkpoint.
type Checkpoint struct {
	Signal  string   `json:"signal"`
	Before  int      `json:"before_seconds"` // the time limit
	Requeue bool     `json:"requeue"`
	Files   []string `json:"files,omitempty"`
}

// Scratch is jobspec.Scratch.
type Scratch struct {
	Dir      string   `json:"dir"`
	StageIn  []string `json:"stage_in"`
	StageOut []string `json:"stage_out"`
}

// long adds what is about many tasks and long ones.
func (p *Plan) long(in Input) error {
	s := in.Spec
	p.After = s.After
	if len(s.After) > 0 && in.Local {
		return fault.New("after: a local run waits for nobody", "submit it, or remove after")
	}
	if s.Sweep != nil {
		if err := p.sweep(in); err != nil {
			return err
		}
	}
	if c := s.Checkpoint; c != nil {
		p.Checkpoint = &Checkpoint{Signal: c.Signal, Before: int(c.Before / time.Second), Requeue: c.Requeue, Files: c.Files}
		p.Slurm = p.Slurm.Set("signal", "B:"+c.Signal+"@"+strconv.Itoa(p.Checkpoint.Before))
		if c.Requeue {
			p.Slurm = p.Slurm.Set("requeue", "")
		}
		if in.Local {
			p.Notes = append(p.Notes, "checkpoint: a local run has no time limit, so no signal comes")
		}
	}
	if c := s.Scratch; c != nil {
		p.Scratch = &Scratch{Dir: c.Dir, StageIn: orEmpty(c.StageIn), StageOut: orEmpty(c.StageOut)}
	}
	return nil
}

func (p *Plan) sweep(in Input) error {
	if in.Local {
		return fault.New("a sweep needs Slurm: a local run has one task", "remove sweep, and set the values of one task in env")
	}
	if len(in.Tasks) == 0 {
		return fault.New("sweep: there are no tasks", "")
	}
	sw := &Sweep{Tasks: len(in.Tasks), MaxRunning: in.Spec.Sweep.MaxRunning, First: in.Tasks[0].String()}
	for _, v := range in.Tasks[0] {
		sw.Names = append(sw.Names, v.Name)
	}
	if err := jobspec.CheckPrivate(in.Spec, in.Tasks); err != nil {
		return err
	}
	p.Sweep, p.Tasks = sw, in.Tasks
	for _, o := range p.Outputs {
		if len(in.Tasks) > 1 && !strings.HasPrefix(o, "!") && len(jobspec.Places(o)) == 0 {
			p.Notes = append(p.Notes, fmt.Sprintf("output %s is the same file for all tasks: write a {NAME} of the sweep into it, unless that is meant", o))
		}
	}
	return nil
}

// Task is the plan as it is for one task: the sweep's values are put into the
// names of its files.
func (p *Plan) Task(r jobspec.Row) error {
	names := [][]string{p.Inputs}
	lists := [][]string{p.Outputs}
	if p.Scratch != nil {
		names, lists = append(names, p.Scratch.StageIn), append(lists, p.Scratch.StageOut)
	}
	for _, l := range names {
		for i, name := range l {
			l[i] = r.Input(name)
		}
	}
	if p.Checkpoint != nil {
		lists = append(lists, p.Checkpoint.Files)
	}
	for i, look := range p.Compare {
		out, err := r.Output(look.File)
		if err != nil {
			return err
		}
		p.Compare[i].File = out
	}
	for _, l := range lists {
		for i, pattern := range l {
			out, err := r.Output(pattern)
			if err != nil {
				return err
			}
			l[i] = out
		}
	}
	return nil
}
