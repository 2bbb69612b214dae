// Package tuning knows how packages are told about a CPU beyond a compiler's flags,
// and what a rebuild of them can bring. What is known is data, packages.json, each row
// with its source.
//
// It promises to be pure, and to say nothing of a package that no row is about.
package tuning

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nixbatch/nixbatch/cpuflags"
)

//go:embed packages.json
var packagesJSON []byte

// table is packages.json.
type table struct {
	Arguments []argument `json:"arguments"`
	Brings    []bringing `json:"brings"`
	Alike     []group    `json:"alike"`
	Aliases   []alias    `json:"aliases"`
	Options   []option   `json:"options"`
}

// option is a dotted option of a package set that is told an arch, and how the set
// is told to take none: without that it has one of its own.
type option struct {
	Option string `json:"option"`
	Off    string `json:"off"` // a dotted option
	Value  any    `json:"value"`
	Source string `json:"source"`
}

// alias is an attribute that stands for one of others, in the same set.
type alias struct {
	Attribute string   `json:"attribute"`
	Of        []string `json:"of"`
	Source    string   `json:"source"`
}

// argument is one that a package's expression takes. No pnames are any package.
type argument struct {
	Pnames   []string `json:"pnames"`
	Argument string   `json:"argument"`
	Values   []value  `json:"values"` // the first that fits a build is taken
	Source   string   `json:"source"`
}

// value is for builds that have all of Flags, and that are made from one of Names
// where there are any.
type value struct {
	Names []string `json:"names"`
	Flags []string `json:"flags"`
	Value any      `json:"value"`
}

// bringing says what a rebuild of a package can bring.
type bringing struct {
	Pnames []string `json:"pnames"`
	Words  string   `json:"words"`
	Source string   `json:"source"`
}

// group is packages of which a program uses one.
type group struct {
	What    string   `json:"what"`
	Members []member `json:"members"`
	Source  string   `json:"source"`
}

type member struct {
	Pname     string `json:"pname"`
	Attribute string `json:"attribute"` // by which nixpkgs has it
}

// of finds the member that a derivation is.
func (g group) of(derivation string) (m member, ok bool) {
	i := slices.IndexFunc(g.Members, func(m member) bool { return m.Pname == Pname(derivation) })
	if i < 0 {
		return m, false
	}
	return g.Members[i], true
}

var known = sync.OnceValue(func() (t table) {
	if err := json.Unmarshal(packagesJSON, &t); err != nil {
		panic(err) // the file is a part of this program, and tests read it
	}
	return t
})

// Arguments are what packages are given for a build, by their own name (pname) and
// the argument's; those of "" are for any package that takes them. None for a build
// that is no name of the table of arches, nor such a name less flags.
func Arguments(build string) map[string]map[string]any {
	b, ok := cpuflags.ParseBuild(build)
	if !ok || build == cpuflags.Generic {
		return nil
	}
	out := map[string]map[string]any{}
	for _, a := range known().Arguments {
		i := slices.IndexFunc(a.Values, func(v value) bool { return v.fits(b) })
		if i < 0 {
			continue
		}
		names := a.Pnames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			if out[name] == nil {
				out[name] = map[string]any{}
			}
			out[name][a.Argument] = a.Values[i].Value
		}
	}
	return out
}

func (v value) fits(b cpuflags.Build) bool {
	if len(v.Names) > 0 && !slices.Contains(v.Names, b.Base) {
		return false
	}
	flags := b.Flags()
	return !slices.ContainsFunc(v.Flags, func(f string) bool { return !flags.Has(f) })
}

// Brings says what a rebuild of a derivation for an arch can bring, "" where nothing
// is known of it.
func Brings(derivation string) string {
	for _, r := range known().Brings {
		if slices.Contains(r.Pnames, Pname(derivation)) {
			return r.Words
		}
	}
	return ""
}

// Instead says what to name in the place of a derivation that is not among all of
// an environment's, where something of its kind is; else "".
func Instead(derivation string, all []string) string {
	for _, g := range known().Alike {
		if _, ok := g.of(derivation); !ok {
			continue
		}
		for _, m := range g.Members { // the likeliest first: a reference is there for its headers, too
			if i := slices.IndexFunc(all, func(name string) bool { return Pname(name) == m.Pname }); i >= 0 {
				return fmt.Sprintf("its %s is %s: name %s", g.What, all[i], m.Attribute)
			}
		}
	}
	return ""
}

// Aliases are the attribute paths that packages may stand for, by the packages' own:
// what takes one of those does not take the package by its name.
func Aliases(paths []string) map[string][]string {
	out := map[string][]string{}
	for _, path := range paths {
		set, name := path[:strings.LastIndexByte(path, '.')+1], path[strings.LastIndexByte(path, '.')+1:]
		for _, a := range known().Aliases {
			if a.Attribute != name {
				continue
			}
			for _, of := range a.Of {
				out[path] = append(out[path], set+of)
			}
		}
	}
	return out
}

// Off is the option, and its value, that has a package set take no arch where the
// option is not set that is told one; ok is false where none is known.
func Off(told string) (option string, value any, ok bool) {
	for _, o := range known().Options {
		if o.Option == told {
			return o.Off, o.Value, true
		}
	}
	return "", nil, false
}

// Pname is a derivation's name without its version: up to the first hyphen that no
// letter follows (Nix manual, builtins.parseDrvName).
func Pname(derivation string) string {
	for i := range len(derivation) {
		if derivation[i] == '-' && i+1 < len(derivation) && !letter(derivation[i+1]) {
			return derivation[:i]
		}
	}
	return derivation
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
