package strictyaml

import (
	"math"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

var (
	yesNo    = lazyre.New(`^(?i:yes|no|on|off)$`)
	wholeRE  = lazyre.New(`^[-+]?[0-9][0-9_]*$`)
	numberRE = lazyre.New(`^[-+]?[0-9][0-9_]*(\.[0-9]*)?([eE][-+]?[0-9]+)?$`)
)

// Any reads any value: bool, int64, float64, string, nil, []any and map[string]any of
// these. What readers of YAML take for different values is a problem, and so is a
// number that Nix, whom such values are for, does not have.
func (d *Reader) Any(where string, n *Node) any {
	switch n.Kind {
	case Mapping:
		m := map[string]any{}
		for _, p := range n.Keys {
			if p.Key.Kind != Text {
				d.Add(p.Key.Pos, "put it between quotes", "%s: a name has to be text, found %s", where, p.Key.Describe())
				continue
			}
			m[p.Key.Value] = d.Any(Dot(where, p.Key.Value), p.Value)
		}
		return m
	case List:
		l := []any{}
		for _, item := range n.Items {
			l = append(l, d.Any(where, item))
		}
		return l
	case Boolean:
		return strings.EqualFold(n.Value, "true")
	case Number:
		return d.number(where, n)
	case Text:
		if n.Plain && yesNo.MatchString(n.Value) {
			d.Add(n.Pos, `write true or false, or put it between quotes`, "%s: %s is true or false for some readers and text for others", where, n.Value)
		}
		if n.Plain && numberRE.MatchString(n.Value) {
			d.Add(n.Pos, "", "%s: the number %s is too large", where, Shown(n.Value))
		}
		return n.Value
	}
	return nil
}

func (d *Reader) number(where string, n *Node) any {
	if !d.ZeroFree(where, n) {
		return nil
	}
	plain := strings.ReplaceAll(n.Value, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(plain, 64)
	switch {
	case wholeRE.MatchString(n.Value) || err != nil && strings.Contains(err.Error(), "range"):
		d.Add(n.Pos, "put it between quotes if it is text", "%s: the number %s is too large", where, Shown(n.Value))
	case err != nil || math.IsInf(f, 0) || math.IsNaN(f):
		d.Add(n.Pos, "put it between quotes if it is text", "%s: %s is a number that Nix does not have", where, Shown(n.Value))
	}
	return f
}
