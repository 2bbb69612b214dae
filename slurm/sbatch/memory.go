package sbatch

import "slices"

// memoryOptions are the three ways to ask for memory: of a node, for each CPU,
// for each GPU.
var memoryOptions = []string{"mem", "mem-per-cpu", "mem-per-gpu"}

// IsMemory reports whether an option is one of mem, mem-per-cpu and
// mem-per-gpu, of which a job may have one (sbatch(1): "mutually exclusive";
// some releases take the last). slurm.ParseSize reads their values.
func IsMemory(name string) bool { return slices.Contains(memoryOptions, name) }

// Memory returns the first option that asks for memory, and whether there is
// one.
func (o Options) Memory() (Option, bool) {
	i := slices.IndexFunc(o, func(x Option) bool { return IsMemory(x.Name) })
	if i < 0 {
		return Option{}, false
	}
	return o[i], true
}
