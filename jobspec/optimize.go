package jobspec

import "github.com/nixbatch/nixbatch/internal/options"

var strategies = []string{"dispatch", "constrain", "common"}

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
		{"packages", optional, "attribute paths of packages to rebuild for the arch, and only these", listOf(textOf(attrRE), 0),
			into(each((*decoder).attrs), func(o *Optimize) *[]string { return &o.Packages })},
		{"strategy", optional, "dispatch, constrain or common; default dispatch", enumOf(strategies),
			into(oneOf(strategies), func(o *Optimize) *string { return &o.Strategy })},
	}, map[string]string{
		"march": "did you mean arch?", "mtune": "it follows from arch: remove it", "level": "did you mean arch?",
	}}
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
