package jobspec

import (
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/slurm"
)

// slurm reads sbatch's options, in their order.
func (d *decoder) slurm(where string, n *node) slurm.Options {
	if !d.isMapping(where, n) {
		return nil
	}
	var opts slurm.Options
	memory := ""
	for _, p := range n.keys {
		name := p.key.value
		info, ok := slurm.Lookup(name)
		switch {
		case !ok:
			hint := ""
			if !d.swamped() {
				hint = suggestOption(name)
			}
			d.add(p.key.pos, hint, "unknown option %s in %s", shown(name), where)
			continue
		case info.Managed != "":
			d.add(p.key.pos, "", "%s cannot be set here: %s", dot(where, name), info.Managed)
			continue
		}
		if slices.Contains([]string{"mem", "mem-per-cpu", "mem-per-gpu"}, name) {
			// sbatch(1): "mutually exclusive"; some versions take the last.
			if memory != "" {
				d.add(p.key.pos, "keep one of them", "%s: %s and %s exclude each other", where, memory, name)
			}
			memory = name
		}
		if value, ok := d.option(where, info, p.value); ok {
			opts = append(opts, slurm.Option{Name: name, Value: value})
		}
	}
	return opts
}

func suggestOption(name string) string {
	if o, ok := slurm.LookupShort(strings.TrimPrefix(name, "-")); ok {
		return "did you mean " + o.Name + "?"
	}
	if hint := didYouMean(name, slurm.OptionNames()); hint != "" {
		return hint
	}
	return "options are the long ones of sbatch, without the dashes before them"
}

// takesList tells the options whose value sbatch reads as names with commas.
func takesList(k slurm.Kind) bool {
	return k == slurm.List || k == slurm.Hosts || k == slurm.Words
}

// option reads the value of one option, as sbatch is to get it.
func (d *decoder) option(where string, info slurm.OptionInfo, n *node) (string, bool) {
	at := dot(where, info.Name)
	value := ""
	switch {
	case n.kind == broken:
		return "", false
	case (info.Kind == slurm.Flag || info.Optional) && n.kind == boolean:
		if !strings.EqualFold(n.value, "true") {
			d.add(n.pos, "remove the line: an option that is not there is off", "%s: expected true, found %s", at, n.value)
			return "", false
		}
	case info.Kind == slurm.Flag:
		d.expected(at, "true, as it takes no value", n, "write "+info.Name+": true, or remove the line")
		return "", false
	case n.kind == list && takesList(info.Kind):
		return d.optionList(at, info.Name, n)
	default:
		want := "a value"
		switch {
		case n.kind == list:
			want = "a single value"
		case info.Optional:
			want = "true or a value"
		}
		var ok bool
		if value, ok = d.text(at, n, want); !ok {
			return "", false
		}
	}
	if err := slurm.CheckOption(info.Name, value); err != nil {
		d.add(n.pos, hintOf(err), "%s: %s", at, err)
		return "", false
	}
	return value, true
}

// optionList reads a list as the names with commas that sbatch takes, and
// checks each of them by itself, so that a problem points at the right one.
func (d *decoder) optionList(at, name string, n *node) (string, bool) {
	if len(n.items) == 0 {
		d.add(n.pos, "remove the line", "%s: the list is empty", at)
		return "", false
	}
	var items []string
	for _, item := range n.items {
		s, ok := d.text(at, item, "a name")
		if !ok {
			continue
		}
		if err := slurm.CheckOption(name, s); err != nil {
			d.add(item.pos, hintOf(err), "%s: %s", at, err)
			continue
		}
		items = append(items, s)
	}
	return strings.Join(items, ","), len(items) == len(n.items)
}

// hintOf is the way out that an error carries.
func hintOf(err error) string {
	if h, ok := err.(interface{ Hint() string }); ok {
		return h.Hint()
	}
	return ""
}
