package options

import (
	"strings"

	"github.com/nixbatch/nixbatch/internal/strictyaml"
	"github.com/nixbatch/nixbatch/internal/suggest"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Read reads a map of options, in their order. What is wrong is added to d.
func Read(d *strictyaml.Reader, where string, n *strictyaml.Node) sbatch.Options {
	if !d.IsMapping(where, n) {
		return nil
	}
	var opts sbatch.Options
	memory := ""
	for _, p := range n.Keys {
		name := p.Key.Value
		info, ok := sbatch.Lookup(name)
		switch {
		case !ok:
			hint := ""
			if !d.Swamped() {
				hint = suggested(name)
			}
			d.Add(p.Key.Pos, hint, "unknown option %s in %s", strictyaml.Shown(name), where)
			continue
		case Managed(name) != "":
			d.Add(p.Key.Pos, "", "%s cannot be set here: %s", strictyaml.Dot(where, name), Managed(name))
			continue
		}
		if sbatch.IsMemory(name) {
			if memory != "" {
				d.Add(p.Key.Pos, "keep one of them", "%s: %s and %s exclude each other", where, memory, name)
			}
			memory = name
		}
		if value, ok := option(d, where, info, p.Value); ok {
			opts = append(opts, sbatch.Option{Name: name, Value: value})
		}
	}
	return opts
}

func suggested(name string) string {
	if o, ok := sbatch.LookupShort(strings.TrimPrefix(name, "-")); ok {
		return "did you mean " + o.Name + "?"
	}
	if hint := suggest.DidYouMean(name, Names()); hint != "" {
		return hint
	}
	return "options are the long ones of sbatch, without the dashes before them"
}

// option reads the value of one option, as sbatch is to get it.
func option(d *strictyaml.Reader, where string, info sbatch.OptionInfo, n *strictyaml.Node) (string, bool) {
	at := strictyaml.Dot(where, info.Name)
	value := ""
	switch {
	case n.Kind == strictyaml.Broken:
		return "", false
	case (info.Kind == sbatch.Flag || info.Optional) && n.Kind == strictyaml.Boolean:
		if !strings.EqualFold(n.Value, "true") {
			d.Add(n.Pos, "remove the line: an option that is not there is off", "%s: expected true, found %s", at, n.Value)
			return "", false
		}
	case info.Kind == sbatch.Flag:
		d.Expected(at, "true, as it takes no value", n, "write "+info.Name+": true, or remove the line")
		return "", false
	case n.Kind == strictyaml.List && TakesList(info.Kind):
		return optionList(d, at, info.Name, n)
	default:
		want := "a value"
		switch {
		case n.Kind == strictyaml.List:
			want = "a single value"
		case info.Optional:
			want = "true or a value"
		}
		var ok bool
		if value, ok = d.Text(at, n, want); !ok {
			return "", false
		}
	}
	if err := Check(info.Name, value); err != nil {
		d.Add(n.Pos, hintOf(err), "%s: %s", at, err)
		return "", false
	}
	return value, true
}

// optionList reads a list as the names with commas that sbatch takes, and
// checks each of them by itself, so that a problem points at the right one.
func optionList(d *strictyaml.Reader, at, name string, n *strictyaml.Node) (string, bool) {
	if len(n.Items) == 0 {
		d.Add(n.Pos, "remove the line", "%s: the list is empty", at)
		return "", false
	}
	var items []string
	for _, item := range n.Items {
		s, ok := d.Text(at, item, "a name")
		if !ok {
			continue
		}
		if err := Check(name, s); err != nil {
			d.Add(item.Pos, hintOf(err), "%s: %s", at, err)
			continue
		}
		items = append(items, s)
	}
	return strings.Join(items, ","), len(items) == len(n.Items)
}

// hintOf is the way out that an error carries.
func hintOf(err error) string {
	if h, ok := err.(interface{ Hint() string }); ok {
		return h.Hint()
	}
	return ""
}
