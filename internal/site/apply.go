package site

import (
	"fmt"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Apply gives a job's options what the site settles, with a note for each
// change. A *fault.Error is a job that the site does not want.
func (c *Config) Apply(job sbatch.Options) (o sbatch.Options, notes []string, err error) {
	if c == nil {
		return job, nil, nil
	}
	o = job
	for _, f := range c.Fixed {
		have, ok := has(o, f.Name)
		switch {
		case !ok:
			o = o.Set(f.Name, f.Value)
			notes = append(notes, fmt.Sprintf("%s, fixed by %s", shown(f.Option), f.Source))
		case have != f.Option:
			return nil, nil, fault.New(fmt.Sprintf("slurm.%s: the site has fixed %s (%s)", have.Name, shown(f.Option), f.Source),
				fmt.Sprintf("leave %s out of the job file", have.Name))
		}
	}
	for _, d := range c.Defaults {
		if _, ok := has(o, d.Name); !ok {
			o = o.Set(d.Name, d.Value)
			notes = append(notes, fmt.Sprintf("%s from %s", shown(d.Option), d.Source))
		}
	}
	for _, step := range []func(sbatch.Options) (sbatch.Options, string, error){c.memory, c.perTask} {
		var note string
		if o, note, err = step(o); err != nil {
			return nil, nil, err
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return o, notes, nil
}

func shown(o sbatch.Option) string {
	if o.Value == "" {
		return o.Name
	}
	return o.Name + " " + o.Value
}

// memory turns the request for memory into the form that the site takes.
func (c *Config) memory(o sbatch.Options) (sbatch.Options, string, error) {
	if c.Memory == nil {
		return o, "", nil
	}
	have, ok := has(o, "mem")
	if !ok || have.Name == "mem-per-gpu" && c.Memory.Value != "none" {
		return o, "", nil
	}
	switch want := c.Memory.Value; {
	case want == "none":
		return o.Without(have.Name), fmt.Sprintf("%s left out: the site shares memory out by itself (%s)", shown(have), c.Memory.Source), nil
	case want == "cpu" && have.Name == "mem":
		return c.convert(o, have, "mem-per-cpu", func(mib, cpus int64) int64 { return (mib + cpus - 1) / cpus })
	case want == "node" && have.Name == "mem-per-cpu":
		return c.convert(o, have, "mem", func(mib, cpus int64) int64 { return mib * cpus })
	}
	return o, "", nil
}

// convert replaces one form of memory by the other.
func (c *Config) convert(o sbatch.Options, have sbatch.Option, name string, f func(mib, cpus int64) int64) (sbatch.Options, string, error) {
	mib, err := slurm.ParseSize(have.Value)
	cpus := perNode(o)
	if err != nil || mib == 0 || cpus == 0 {
		return nil, "", fault.New(
			fmt.Sprintf("slurm.%s: the site takes %s (%s), and what that would be depends on the CPUs a node gives", have.Name, name, c.Memory.Source),
			fmt.Sprintf("write %s in place of %s, or say ntasks-per-node", name, have.Name))
	}
	n := sbatch.Option{Name: name, Value: slurm.FormatSize(f(mib, cpus))}
	out := make(sbatch.Options, len(o))
	for i, x := range o {
		if out[i] = x; x == have {
			out[i] = n
		}
	}
	return out, fmt.Sprintf("%s in place of %s, for %d CPUs a node: the site takes %s (%s)", shown(n), shown(have), cpus, name, c.Memory.Source), nil
}

// perNode is the number of CPUs that the job asks of each node; 0 where that is
// left to Slurm.
func perNode(o sbatch.Options) int64 {
	r, err := resources.FromOptions(o)
	if _, whole := o.Get("exclusive"); whole || err != nil {
		return 0
	}
	return int64(r.TasksOfEach()) * int64(max(r.CPUsPerTask, 1))
}

// perTask keeps cpus-per-task from sites that refuse it.
func (c *Config) perTask(o sbatch.Options) (sbatch.Options, string, error) {
	v, ok := o.Get("cpus-per-task")
	if c.PerTask == nil || c.PerTask.Value != "forbidden" || !ok {
		return o, "", nil
	}
	if v == "1" {
		return o.Without("cpus-per-task"), fmt.Sprintf("cpus-per-task 1 left out: the site refuses the option (%s)", c.PerTask.Source), nil
	}
	return nil, "", fault.New(fmt.Sprintf("slurm.cpus-per-task: the site refuses the option (%s)", c.PerTask.Source),
		"ask for whole nodes (exclusive: true, ntasks-per-node) and say how many threads a task has: threads.per-task")
}
