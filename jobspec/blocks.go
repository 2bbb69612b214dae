package jobspec

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
)

// spec reads the whole file.
func (d *decoder) spec(root *node) *Spec {
	s := &Spec{
		Optimize: Optimize{Arch: []string{"auto"}, Strategy: "dispatch"},
		Threads:  Threads{Bind: "none"},
		Launcher: "none",
	}
	got, ok := d.block("", root, specFields, map[string]string{
		"job-name": "did you mean name?",
		"script":   "did you mean run?",
		"packages": "packages belongs below environment",
		"nixpkgs":  "nixpkgs belongs below environment",
		"overlays": "overlays belongs below environment",
		"arch":     "arch belongs below optimize",
	})
	if !ok {
		return s
	}
	for _, f := range specFields {
		p, ok := got[f.name]
		if !ok {
			continue
		}
		switch n := p.value; f.name {
		case "name":
			s.Name = d.name(n)
		case "environment":
			s.Environment = d.environment(n)
		case "optimize":
			d.optimize(n, &s.Optimize)
		case "slurm":
			s.Slurm = d.slurm("slurm", n)
		case "threads":
			d.threads(n, &s.Threads)
		case "launcher":
			if w, ok := d.choice("launcher", n, launchers); ok {
				s.Launcher = w
			}
		case "env":
			s.Env = d.env(n)
		case "inputs":
			s.Inputs = d.paths("inputs", n, checkInput)
		case "outputs":
			s.Outputs = d.paths("outputs", n, checkOutput)
		case "compare":
			s.Compare = d.compare(n)
		case "sweep":
			s.Sweep = d.sweep(n)
		case "after":
			s.After = d.after(n)
		case "checkpoint":
			s.Checkpoint = d.checkpoint(n, s.Slurm)
		case "scratch":
			s.Scratch = d.scratch(n)
		case "run":
			s.Run = d.run(n)
		}
	}
	if s.Sweep != nil {
		d.sweepUse(s, got)
	}
	if p, ok := got["compare"]; ok {
		d.comparedFiles(p.value, s.Compare, s.Outputs)
	}
	return s
}

func (d *decoder) name(n *node) string {
	s, ok := d.text("name", n, "the name of the job")
	if ok && !nameRE.MatchString(s) {
		d.add(n.pos, "use 1 to 64 letters, digits, dots, underscores and dashes, the first a letter or a digit",
			"name: %s cannot be the name of a job and of its files", shown(s))
	}
	return s
}

func (d *decoder) run(n *node) string {
	s, ok := d.text("run", n, "the lines to run")
	if ok && isBlank(s) {
		d.add(n.pos, "", "run: there is nothing to run")
	}
	return s
}

func isBlank(s string) bool {
	for _, r := range s {
		if r != ' ' && r != '\t' && r != '\n' {
			return false
		}
	}
	return true
}

func (d *decoder) optimize(n *node, o *Optimize) {
	const where = "optimize"
	got, ok := d.block(where, n, optimizeFields, map[string]string{
		"march": "did you mean arch?", "mtune": "it follows from arch: remove it", "level": "did you mean arch?",
	})
	if !ok {
		return
	}
	if p, ok := got["arch"]; ok {
		if arch := d.arch(dot(where, "arch"), p.value); len(arch) > 0 {
			o.Arch = arch
		}
	}
	if p, ok := got["config"]; ok {
		if s, ok := d.text(dot(where, "config"), p.value, "the name of a configuration option"); ok {
			if problem, hint := checkAttr(s); problem != "" {
				if hint != "" {
					problem, hint = "is not the name of an option", "write a dotted name, such as qchem-config.optArch"
				}
				d.add(p.value.pos, hint, "%s: %s %s", dot(where, "config"), shown(s), problem)
			}
			o.Config = s
		}
	}
	if p, ok := got["packages"]; ok {
		o.Packages = d.attrs(dot(where, "packages"), p.value)
	}
	if p, ok := got["strategy"]; ok {
		if s, ok := d.choice(dot(where, "strategy"), p.value, strategies); ok {
			o.Strategy = s
		}
	}
}

// arch reads one name or a list of them.
func (d *decoder) arch(where string, n *node) []string {
	if n.kind == list {
		if len(n.items) == 0 {
			d.add(n.pos, "write auto, or remove it", "%s: the list is empty", where)
		}
		return d.texts(where, "arch name", n, func(s string) (string, string) {
			if s == "auto" {
				return "does not go with other names", "write arch: auto alone"
			}
			return checkArch(s)
		})
	}
	s, ok := d.text(where, n, "auto, generic, an arch, or a list of them")
	if !ok {
		return nil
	}
	if s == "auto" {
		return []string{s}
	}
	if problem, hint := checkArch(s); problem != "" {
		d.add(n.pos, hint, "%s: %s %s", where, shown(s), problem)
		return nil
	}
	return []string{s}
}

func checkArch(s string) (problem, hint string) {
	if s == "generic" {
		return "", ""
	}
	if s == "native" {
		return "would be the CPU of whoever builds", "write auto: it follows the CPUs of the nodes"
	}
	if _, ok := cpuflags.ParseBuild(s); ok {
		return "", ""
	}
	words := append([]string{"auto", "generic"}, cpuflags.ArchNames()...)
	hint = didYouMean(s, words)
	if hint == "" {
		hint = "names are those of GCC's -march, such as haswell, znver4, x86-64-v3"
	}
	return "is not an arch that is known here", hint
}

// maxThreads is more than any machine has; larger is a slip.
const maxThreads = 65536

func (d *decoder) threads(n *node, t *Threads) {
	const where = "threads"
	got, ok := d.block(where, n, threadsFields, nil)
	if !ok {
		return
	}
	if p, ok := got["per-task"]; ok {
		at := dot(where, "per-task")
		const want = "auto or a number of threads"
		if s, ok := d.text(at, p.value, want); ok && s != "auto" {
			t.PerTask = d.threadCount(at, want, s, p.value)
		}
	}
	if p, ok := got["bind"]; ok {
		if s, ok := d.choice(dot(where, "bind"), p.value, binds); ok {
			t.Bind = s
		}
	}
	if p, ok := got["nested"]; ok {
		d.nested(dot(where, "nested"), p.value, t)
	}
	if p, ok := got["stack"]; ok {
		at := dot(where, "stack")
		if s, ok := d.text(at, p.value, "a size such as 64M"); ok {
			if !stackRE.MatchString(s) {
				d.add(p.value.pos, "write a whole number and K, M or G", "%s: %s is not a size such as 64M", at, shown(s))
			}
			t.Stack = strings.ToUpper(s)
		}
	}
}

// threadCount checks a number of threads.
func (d *decoder) threadCount(at, want, s string, n *node) int {
	i, err := strconv.Atoi(s)
	if err != nil || i < 1 || i > maxThreads || s[0] == '+' || s[0] == '0' {
		d.add(n.pos, "", "%s: expected %s from 1 to %d, found %s", at, want, maxThreads, shown(s))
	}
	return i
}

// nested reads the two levels of threads.nested.
func (d *decoder) nested(where string, n *node, t *Threads) {
	got, ok := d.block(where, n, nestedFields, nil)
	if !ok {
		return
	}
	for name, to := range map[string]*int{"outer": &t.Nested.Outer, "inner": &t.Nested.Inner} {
		if p, ok := got[name]; ok {
			const want = "a number of threads"
			if s, ok := d.text(dot(where, name), p.value, want); ok {
				*to = d.threadCount(dot(where, name), want, s, p.value)
			}
		}
	}
	if p, o, i := got["outer"], t.Nested.Outer, t.Nested.Inner; p.value != nil && t.PerTask > 0 && o > 0 && i > 0 && o*i > t.PerTask {
		d.add(p.value.pos, "", "%s: %d times %d threads are more than the %d of threads.per-task", where, o, i, t.PerTask)
	}
}

// env reads the environment variables.
// What execve(2) takes: MAX_ARG_STRLEN is 32 pages for one string, NAME=VALUE and
// a NUL; all strings share a quarter of the stack's limit, 2 MiB as a rule, with
// the arguments and the environment's own variables.
const (
	maxEnvVar = 32*4096 - 1
	maxEnv    = 1 << 20
)

func (d *decoder) env(n *node) []EnvVar {
	if !d.isMapping("env", n) {
		return nil
	}
	var vars []EnvVar
	total := 0
	for _, p := range n.keys {
		name := p.key.value
		at := dot("env", name)
		if !envRE.MatchString(name) {
			d.add(p.key.pos, "use letters, digits and _, the first not a digit", "env: %s cannot be the name of a variable", shown(name))
			continue
		}
		if i := slices.IndexFunc(reserved, func(r reservedName) bool { return r.matches(name) }); i >= 0 {
			d.add(p.key.pos, reserved[i].hint, "env: %s cannot be set here: %s", name, reserved[i].reason)
			continue
		}
		hint := ""
		if p.value.kind == nothing {
			hint = `write "" for an empty value`
		}
		if !p.value.single() || p.value.kind == nothing {
			d.expected(at, "text", p.value, hint)
			continue
		}
		if s, ok := d.anyText(at, p.value, "text"); ok {
			if len(name)+1+len(s) > maxEnvVar {
				d.add(p.value.pos, "write it to a file, and name that in inputs", "env: %s has %d bytes; Linux starts no program with a variable of more than %d", name, len(s), maxEnvVar)
				continue
			}
			total += len(name) + 2 + len(s)
			vars = append(vars, EnvVar{name, s})
		}
	}
	if total > maxEnv {
		d.add(n.pos, "write the values to a file, and name that in inputs", "env: its variables have %d bytes together; more than %d leave no room for arguments", total, maxEnv)
	}
	return vars
}
