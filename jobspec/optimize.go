package jobspec

import (
	"strconv"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/options"
)

var strategies = []string{"dispatch", "constrain", "common"}

// The words of optimize.reach.
const (
	ReachRebuild = "rebuild" // all that depends on a named package is built again with it
	ReachNamed   = "named"   // the named packages alone are built, taking each other
)

var reaches = []string{ReachRebuild, ReachNamed}

// DefaultLimit is optimize.limit where a job file does not say: enough for a linear
// algebra library below a Python environment, and far less than a compiler's
// dependents.
const DefaultLimit = 200

const maxLimit = 1_000_000

func optimizeBlock() block[Optimize] {
	return block[Optimize]{[]key[Optimize]{
		{"arch", optional, "auto, generic, a name of GCC's -march (less flags: znver4-no-sse4a), or a list of names; default auto", archNames,
			func(d *decoder, at string, p pair, o *Optimize) {
				if arch := d.arch(at, p.Value); len(arch) > 0 {
					o.Arch = arch
				}
			}},
		{"config", optional, "option of the package set's configuration that is set to the arch", textOf(attrRE),
			into((*decoder).configOption, func(o *Optimize) *string { return &o.Config })},
		{"limit", optional, "the most derivations that a build may make again; default 200", countOf,
			into((*decoder).limit, func(o *Optimize) *int { return &o.Limit })},
		{"packages", optional, "attribute paths of packages to rebuild for the arch; or package: with the path and override: with arguments", tunedList,
			func(d *decoder, at string, p pair, o *Optimize) { d.tuned(at, p.Value, o) }},
		{"reach", optional, "rebuild (all that depends on them is built again with them) or named (they alone are built); default rebuild", enumOf(reaches),
			into(oneOf(reaches), func(o *Optimize) *string { return &o.Reach })},
		{"strategy", optional, "dispatch, constrain or common; default dispatch", enumOf(strategies),
			into(oneOf(strategies), func(o *Optimize) *string { return &o.Strategy })},
	}, map[string]string{
		"march": "did you mean arch?", "mtune": "it follows from arch: remove it", "level": "did you mean arch?",
	}}
}

// tuned is an entry of optimize.packages that is more than a name.
type tuned struct {
	name string
	args map[string]any
}

func tunedBlock() block[tuned] {
	return block[tuned]{[]key[tuned]{
		{"package", required, "attribute path of the package", textOf(attrRE),
			func(_ *decoder, _ string, p pair, t *tuned) { t.name = p.Value.Value }}, // looked at with the names
		{"override", optional, "arguments that it takes, and their values in the optimised builds", func() schema { return schema{"type": "object"} },
			into((*decoder).arguments, func(t *tuned) *map[string]any { return &t.args })},
	}, map[string]string{"name": "did you mean package?", "args": "did you mean override?", "arguments": "did you mean override?"}}
}

func tunedList() schema {
	return listOf(func() schema { return schema{"anyOf": []any{textOf(attrRE)(), objectSchema(tunedBlock())}} }, 0)()
}

// tuned reads optimize.packages: names, and maps of a name and its arguments.
func (d *decoder) tuned(at string, n *node, o *Optimize) {
	names := *n
	names.Items = nil
	for _, item := range n.Items {
		if n.Kind != list || item.Kind != mapping {
			names.Items = append(names.Items, item)
			continue
		}
		var t tuned
		got, _ := tunedBlock().read(d, at, item, &t)
		if p, there := got["package"]; there {
			names.Items = append(names.Items, p.Value)
		}
		if len(t.args) > 0 {
			if o.Override == nil {
				o.Override = map[string]map[string]any{}
			}
			o.Override[t.name] = t.args
		}
	}
	o.Packages = d.attrs(at, &names)
}

// arguments reads what a package is given: names of Nix's functions to any values.
func (d *decoder) arguments(at string, n *node) (map[string]any, bool) {
	args, ok := d.config(at, n)
	if !ok {
		return nil, false
	}
	for _, p := range n.Keys {
		if p.Key.Kind == text && !lazyre.NixName(p.Key.Value) {
			d.Add(p.Key.Pos, "write a name such as cpuAcceleration", "%s: %s is not the name of an argument", at, shown(p.Key.Value))
		}
	}
	return args, true
}

func (d *decoder) limit(at string, n *node) (int, bool) {
	const want = "a number of derivations"
	s, ok := d.Text(at, n, want)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(s)
	if err != nil || i < 1 || i > maxLimit || s[0] == '+' || s[0] == '0' {
		d.Add(n.Pos, "", "%s: expected %s from 1 to %d, found %s", at, want, maxLimit, shown(s))
		return 0, false
	}
	return i, true
}

func (d *decoder) configOption(at string, n *node) (string, bool) {
	s, ok := d.Text(at, n, "the name of a configuration option")
	if !ok {
		return "", false
	}
	if problem, hint := checkAttr(s); problem != "" {
		if hint != "" {
			problem, hint = "is not the name of an option", "write a dotted name, such as qchem-config.optArch"
		}
		d.Add(n.Pos, hint, "%s: %s %s", at, shown(s), problem)
	}
	return s, true
}

// arch reads one name or a list of them.
func (d *decoder) arch(where string, n *node) []string {
	if n.Kind == list {
		if len(n.Items) == 0 {
			d.Add(n.Pos, "write auto, or remove it", "%s: the list is empty", where)
		}
		return d.Texts(where, "arch name", n, func(s string) (string, string) {
			if s == "auto" {
				return "does not go with other names", "write arch: auto alone"
			}
			return options.Arch(s)
		})
	}
	s, ok := d.Text(where, n, "auto, generic, an arch, or a list of them")
	if !ok {
		return nil
	}
	if s == "auto" {
		return []string{s}
	}
	if problem, hint := options.Arch(s); problem != "" {
		d.Add(n.Pos, hint, "%s: %s %s", where, shown(s), problem)
		return nil
	}
	return []string{s}
}
