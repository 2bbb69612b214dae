package site

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/options"
	"github.com/nixbatch/nixbatch/internal/strictyaml"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// add reads one file; what it says replaces what an earlier one said of the
// same thing, but for what is fixed.
func (c *Config) add(file string, data []byte, admin bool) error {
	doc := strictyaml.NewDoc(&strictyaml.Reader{What: "site file", MaxSize: jobspec.MaxSize}, data)
	at := func(v strictyaml.Value) Source { return Source{file, v.Pos().Line} }
	doc.Root().Block([]strictyaml.Key{
		{Name: "features", Read: func(v strictyaml.Value) { v.Each(c.feature(file)) }},
		{Name: "fixed", Read: func(v strictyaml.Value) {
			if !admin {
				v.Problem("put it below slurm, as a default", "only the admin's file may fix values")
				return
			}
			fixed, _ := settings(v, file)
			c.Fixed = merge(c.Fixed, fixed)
		}},
		{Name: "slurm", Read: func(v strictyaml.Value) { c.defaults(v, file) }},
		{Name: "memory", Read: func(v strictyaml.Value) {
			if w, ok := v.Choice("node", "cpu", "none"); ok {
				c.Memory = &Word{w, at(v)}
			}
		}},
		{Name: "cpus-per-task", Read: func(v strictyaml.Value) {
			if w, ok := v.Choice("allowed", "forbidden"); ok {
				c.PerTask = &Word{w, at(v)}
			}
		}},
		{Name: "keep-below", Read: c.keepBelow},
		{Name: "probe", Read: func(v strictyaml.Value) {
			v.Block([]strictyaml.Key{{Name: "timeout", Read: c.timeout}}, nil)
		}},
	}, map[string]string{
		"partition": "partition belongs below slurm", "account": "account belongs below slurm",
		"timeout": "timeout belongs below probe", "mem": "did you mean memory?", "defaults": "did you mean slurm?",
	})
	if found := doc.Problems(); len(found) > 0 {
		var ps jobspec.Problems
		for _, p := range found {
			ps = append(ps, jobspec.Problem{File: file, Pos: jobspec.Pos(p.Pos), Message: p.Message, Hint: p.Hint})
		}
		return ps
	}
	c.Files = append(c.Files, file)
	return nil
}

func (c *Config) feature(file string) func(string, strictyaml.Value, strictyaml.Value) {
	return func(name string, key, value strictyaml.Value) {
		arch, ok := value.Text("the arch that the feature stands for")
		if !ok {
			return
		}
		if problem, hint := options.CPUArch(arch); problem != "" {
			value.Problem(hint, fmt.Sprintf("%q %s", arch, problem))
			return
		}
		c.Features = slices.DeleteFunc(c.Features, func(f Feature) bool { return f.Name == name })
		c.Features = append(c.Features, Feature{name, arch, Source{file, key.Pos().Line}})
	}
}

// defaults reads the block slurm. A default that something fixed would never
// let through is a mistake.
func (c *Config) defaults(v strictyaml.Value, file string) {
	all, keys := settings(v, file)
	for _, s := range all {
		if i := slices.IndexFunc(c.Fixed, func(f Setting) bool { return rivals(f.Name, s.Name) }); i >= 0 && c.Fixed[i].Option != s.Option {
			keys[s.Name].Problem("leave it out", fmt.Sprintf("it is fixed to %s by %s", c.Fixed[i].Value, c.Fixed[i].Source))
			continue
		}
		c.Defaults = merge(c.Defaults, []Setting{s})
	}
}

// settings reads a block of Slurm's options; keys are where they stand.
func settings(v strictyaml.Value, file string) (out []Setting, keys map[string]strictyaml.Value) {
	found := options.Read(v.Node())
	if found == nil {
		return nil, nil
	}
	keys = map[string]strictyaml.Value{}
	v.Each(func(name string, key, _ strictyaml.Value) { keys[name] = key })
	for _, o := range found {
		out = append(out, Setting{o, Source{file, keys[o.Name].Pos().Line}})
	}
	return out, keys
}

// merge adds settings; each replaces what was said of the same thing.
func merge(old, more []Setting) []Setting {
	for _, s := range more {
		old = slices.DeleteFunc(slices.Clone(old), func(o Setting) bool { return rivals(o.Name, s.Name) })
		old = append(old, s)
	}
	return old
}

// rivals tells whether sbatch takes only one of two options.
func rivals(a, b string) bool { return a == b || sbatch.IsMemory(a) && sbatch.IsMemory(b) }

func has(o sbatch.Options, name string) (sbatch.Option, bool) {
	i := slices.IndexFunc(o, func(x sbatch.Option) bool { return rivals(x.Name, name) })
	if i < 0 {
		return sbatch.Option{}, false
	}
	return o[i], true
}

// Below is the size in bytes up to which files are copied to be kept, where no file
// says another: texts and tables are smaller, integrals and wave functions are not.
const Below = 64 << 20

// Below is what the site says of that.
func (c *Config) Below() int64 {
	if c == nil || c.KeepBelow == nil {
		return Below
	}
	return *c.KeepBelow
}

func (c *Config) keepBelow(v strictyaml.Value) {
	s, ok := v.Text("a size such as 64M")
	if !ok {
		return
	}
	n, err := slurm.ParseSize(s)
	if err != nil || !strings.ContainsAny(s, "KMGTkmgt") {
		v.Problem("write a number and its unit: 64M, 1G; 0M copies nothing", fmt.Sprintf("%q is not a size", s))
		return
	}
	n <<= 20
	c.KeepBelow = &n
}

func (c *Config) timeout(v strictyaml.Value) {
	s, ok := v.Text("a time such as 90s or 5m")
	if !ok {
		return
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		v.Problem("write a number and its unit: 90s, 5m, 1h", fmt.Sprintf("%q is not a time", s))
		return
	}
	c.Probe.Timeout = d
}
