package jobspec

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (d *decoder) environment(n *node) Environment {
	const where = "environment"
	var e Environment
	got, ok := d.block(where, n, environmentFields, map[string]string{
		"pkgs":     "did you mean packages?",
		"channel":  "write nixpkgs: with a pin below it",
		"channels": "write nixpkgs: with a pin below it",
	})
	if !ok {
		return e
	}
	if p, ok := got["nixpkgs"]; ok {
		e.Nixpkgs, _ = d.pin(dot(where, "nixpkgs"), p.value, false)
	}
	if p, ok := got["overlays"]; ok {
		at := dot(where, "overlays")
		if p.value.kind != list {
			d.expected(at, "a list of pins", p.value, "")
		}
		for _, item := range p.value.items {
			if pin, ok := d.pin(at, item, true); ok {
				e.Overlays = append(e.Overlays, pin)
			}
		}
	}
	if p, ok := got["config"]; ok && d.isMapping(dot(where, "config"), p.value) {
		e.Config, _ = d.value(dot(where, "config"), p.value).(map[string]any)
	}
	if p, ok := got["packages"]; ok {
		e.Packages = d.attrs(dot(where, "packages"), p.value)
		if p.value.kind == list && len(p.value.items) == 0 {
			d.add(p.value.pos, "", "%s: the list is empty: an environment has at least one package", dot(where, "packages"))
		}
	}
	return e
}

// attrs reads a list of attribute paths.
func (d *decoder) attrs(where string, n *node) []string {
	return d.texts(where, "package name", n, checkAttr)
}

// nixWords cannot be names in Nix.
var nixWords = []string{"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"}

func checkAttr(s string) (problem, hint string) {
	if attrRE.MatchString(s) {
		for _, part := range strings.Split(s, ".") {
			if slices.Contains(nixWords, part) {
				return "has " + part + " in it, which is a word of the Nix language", ""
			}
		}
		return "", ""
	}
	if i := strings.LastIndex(s, "#"); i >= 0 && attrRE.MatchString(s[i+1:]) {
		return "is not the name of a package", "write " + s[i+1:]
	}
	return "is not the name of a package", "write an attribute path, such as hello or python3Packages.numpy"
}

var (
	yesNo    = regexp.MustCompile(`^(?i:yes|no|on|off)$`)
	wholeRE  = regexp.MustCompile(`^[-+]?[0-9][0-9_]*$`)
	numberRE = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(\.[0-9]*)?([eE][-+]?[0-9]+)?$`)
)

// value reads any value, for the package set's configuration.
func (d *decoder) value(where string, n *node) any {
	switch n.kind {
	case mapping:
		m := map[string]any{}
		for _, p := range n.keys {
			if p.key.kind != text {
				d.add(p.key.pos, "put it between quotes", "%s: a name has to be text, found %s", where, p.key.describe())
				continue
			}
			m[p.key.value] = d.value(dot(where, p.key.value), p.value)
		}
		return m
	case list:
		l := []any{}
		for _, item := range n.items {
			l = append(l, d.value(where, item))
		}
		return l
	case boolean:
		return strings.EqualFold(n.value, "true")
	case number:
		return d.number(where, n)
	case text:
		if n.plain && yesNo.MatchString(n.value) {
			d.add(n.pos, `write true or false, or put it between quotes`, "%s: %s is true or false for some readers and text for others", where, n.value)
		}
		if n.plain && numberRE.MatchString(n.value) {
			d.add(n.pos, "", "%s: the number %s is too large", where, shown(n.value))
		}
		return n.value
	}
	return nil
}

func (d *decoder) number(where string, n *node) any {
	if !d.zeroFree(where, n) {
		return nil
	}
	plain := strings.ReplaceAll(n.value, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(plain, 64)
	switch {
	case wholeRE.MatchString(n.value) || err != nil && strings.Contains(err.Error(), "range"):
		d.add(n.pos, "put it between quotes if it is text", "%s: the number %s is too large", where, shown(n.value))
	case err != nil || math.IsInf(f, 0) || math.IsNaN(f):
		d.add(n.pos, "put it between quotes if it is text", "%s: %s is a number that Nix does not have", where, shown(n.value))
	}
	return f
}
