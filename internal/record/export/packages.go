package export

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// Package is a package of a closure.
type Package struct {
	Name, Version, Output string
	Path                  facts.StorePath
}

// outputs are the names nixpkgs gives to the outputs of a package beside "out".
var outputs = []string{"bin", "dev", "lib", "man", "doc", "info", "devdoc", "debug", "static", "data", "dist", "terminfo"}

// ParsePath takes the name of a store path apart as Nix does
// (builtins.parseDrvName: the version begins after the first dash that no
// letter follows), and the output off its end.
func ParsePath(p facts.StorePath) Package {
	_, name, _ := strings.Cut(path.Base(p.Path), "-")
	out := Package{Path: p}
	for i := 0; i+1 < len(name); i++ {
		if c := name[i+1]; name[i] == '-' && !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			name, out.Version = name[:i], name[i+1:]
			break
		}
	}
	out.Name = name
	end := &out.Version
	if out.Version == "" {
		end = &out.Name
	}
	if i := strings.LastIndexByte(*end, '-'); i > 0 && slices.Contains(outputs, (*end)[i+1:]) {
		out.Output, *end = (*end)[i+1:], (*end)[:i]
	}
	return out
}

// Packages are the packages of a closure that have a version, each name and
// version once, sorted.
func Packages(e facts.Environment) []Package {
	var all []Package
	for _, p := range e.Paths {
		if q := ParsePath(p); q.Version != "" {
			all = append(all, q)
		}
	}
	slices.SortStableFunc(all, func(a, b Package) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version), strings.Compare(a.Path.Path, b.Path.Path))
	})
	return slices.CompactFunc(all, func(a, b Package) bool { return a.Name == b.Name && a.Version == b.Version })
}
