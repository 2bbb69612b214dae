package site

import (
	"fmt"
	"strconv"

	"github.com/nixbatch/nixbatch/internal/fault"
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
	num := func(name string, otherwise int64) int64 {
		v, ok := o.Get(name)
		if !ok {
			return otherwise
		}
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil {
			return 0
		}
		return n
	}
	if _, whole := o.Get("exclusive"); whole {
		return 0
	}
	nodes, tasks := int64(0), num("ntasks", 0)
	if v, ok := o.Get("nodes"); ok {
		// Of a range it is not known how many there will be.
		if least, most, err := slurm.ParseNodes(v); err == nil && least == most {
			nodes = int64(least)
		}
	}
	each := num("ntasks-per-node", 0)
	switch {
	case each > 0:
	case nodes == 1 || nodes == 0 && tasks <= 1:
		// sbatch gives one task where none is asked for; a single one is on one node.
		each = max(tasks, 1)
	case nodes > 0 && tasks > 0 && tasks%nodes == 0:
		each = tasks / nodes
	}
	return each * num("cpus-per-task", 1)
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
