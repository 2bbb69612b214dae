package jobspec

import (
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// attrRE is a path of Nix's identifiers.
var attrRE = lazyre.New(`^[A-Za-z_][A-Za-z0-9_'-]*(\.[A-Za-z_][A-Za-z0-9_'-]*)*$`)

func environmentBlock() block[Environment] {
	return block[Environment]{[]key[Environment]{
		{"nixpkgs", required, "the package set, pinned", pinMap(pinBlock),
			func(d *decoder, at string, p pair, e *Environment) { e.Nixpkgs, _ = d.pin(at, p.Value, pinBlock(), "") }},
		{"overlays", optional, "overlays on the package set, each pinned, in this order", listOf(pinMap(overlayBlock), 0),
			into((*decoder).overlays, func(e *Environment) *[]Pin { return &e.Overlays })},
		{"config", optional, "configuration of the package set", func() schema { return schema{"type": "object"} },
			into((*decoder).config, func(e *Environment) *map[string]any { return &e.Config })},
		{"packages", required, "attribute paths of the packages of the environment", listOf(textOf(attrRE), 1),
			into((*decoder).packages, func(e *Environment) *[]string { return &e.Packages })},
	}, map[string]string{
		"pkgs":     "did you mean packages?",
		"channel":  "write nixpkgs: with a pin below it",
		"channels": "write nixpkgs: with a pin below it",
	}}
}

func (d *decoder) overlays(at string, n *node) (pins []Pin, ok bool) {
	if n.Kind != list {
		d.Expected(at, "a list of pins", n, "")
	}
	for _, item := range n.Items {
		if pin, ok := d.pin(at, item, overlayBlock(), "default.nix"); ok {
			pins = append(pins, pin)
		}
	}
	return pins, true
}

func (d *decoder) config(at string, n *node) (map[string]any, bool) {
	if !d.IsMapping(at, n) {
		return nil, false
	}
	m, ok := d.Any(at, n).(map[string]any)
	return m, ok
}

func (d *decoder) packages(at string, n *node) ([]string, bool) {
	if n.Kind == list && len(n.Items) == 0 {
		d.Add(n.Pos, "", "%s: the list is empty: an environment has at least one package", at)
	}
	return d.attrs(at, n), true
}

// attrs reads a list of attribute paths.
func (d *decoder) attrs(where string, n *node) []string {
	return d.Texts(where, "package name", n, checkAttr)
}

// nixWords cannot be names in Nix.
var nixWords = []string{"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"}

// isAttr is what attrRE says, without it: every file is asked.
func isAttr(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !lazyre.NixName(part) {
			return false
		}
	}
	return true
}

func checkAttr(s string) (problem, hint string) {
	if isAttr(s) {
		for _, part := range strings.Split(s, ".") {
			if slices.Contains(nixWords, part) {
				return "has " + part + " in it, which is a word of the Nix language", ""
			}
		}
		return "", ""
	}
	if i := strings.LastIndex(s, "#"); i >= 0 && isAttr(s[i+1:]) {
		return "is not the name of a package", "write " + s[i+1:]
	}
	return "is not the name of a package", "write an attribute path, such as hello or python3Packages.numpy"
}
