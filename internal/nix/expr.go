package nix

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/nixlang"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Env is what one build is made of: pure data.
type Env struct {
	Name     string // the job's name; made fit for a derivation's name
	System   string // Nix's name of the system, "x86_64-linux"
	Nixpkgs  nixsource.Source
	Overlays []nixsource.OverlaySource
	Config   map[string]any // nixpkgs' config
	Packages []string       // attribute paths
	Arch     string         // "" or "generic": without
	Tune     string         // a valid -mtune for Arch; "": generic
	// Options are what GCC is given beside -march and -mtune: -mno- options of
	// version Compiler. A package with a compiler that is no GCC, or an older
	// one, gets the name Whole and its WholeTune instead ("generic": none).
	Options          []string
	Compiler         string
	Whole, WholeTune string
	// OptimizePackages are the attribute paths of the packages to rebuild for
	// Arch. With Reach jobspec.ReachRebuild, or "", all that depends on one of them
	// is rebuilt with it, in the package set; with jobspec.ReachNamed they make a set
	// beside it, where they take each other, Packages are looked up there first, and
	// nothing else changes.
	OptimizePackages []string
	Reach            string
	// Override has arguments for some of OptimizePackages, by path. Known has those
	// that tell packages of Arch's CPU, by the package's own name (pname); those of ""
	// are for any package that takes them. Values are those of Config.
	Override, Known map[string]map[string]any
	// Aliases has, by path, where else in the package set some of OptimizePackages may
	// be.
	Aliases map[string][]string
	// OptimizeConfig is a dotted config option that is set to Arch.
	OptimizeConfig string
	// ConfigOff is a dotted config option that is set to ConfigOffValue in the build
	// without an arch, where OptimizeConfig is given and Config does not set either: the
	// package set would take an arch of its own.
	ConfigOff      string
	ConfigOffValue any
	// NoTests turns off the tests of the optimised packages: the building
	// machine cannot run Arch.
	NoTests bool
	// Everywhere sets Arch for the whole of nixpkgs instead: only for counting
	// what that would cost.
	Everywhere bool
}

// Expr is a pure Nix expression, naming every input by hash.
type Expr struct {
	Text string
	Hash string // the first 32 hex digits of the SHA-256 of Text
	Name string // the derivation's name
	env  Env
	err  error
}

//go:embed environment.nix
var environmentNix string

//go:embed dump.sh
var dumpSh string

// Expression writes the expression of an environment: its text is a function of
// e alone, and of this package. What cannot be written (a NUL byte, a number
// that is none) is reported by whatever evaluates it.
func Expression(e Env) Expr { return expression(e, "(made (packageSet job) job).environment") }

// expression ends in a result made of environment.nix's names, and job.
func expression(e Env, result string) Expr {
	name := derivationName(e.Name) + "-env"
	job, err := e.job(name)
	return write(e, name, head+"  job = "+job+";\n"+dumpLine()+"in\n"+environmentNix+result+"\n", err)
}

// survey asks what the pin of bare says about itself, and for the derivations
// of jobs, which are made of the same pins.
func survey(bare Env, jobs []Env) Expr {
	dump := "  dump = \"\";\n" // what a pin says does not depend on it
	if len(jobs) > 0 {
		dump = dumpLine()
	}
	first, err := bare.job("")
	text := "  bare = " + first + ";\n  jobs = [\n"
	for _, e := range jobs {
		job, jerr := e.job(derivationName(e.Name) + "-env")
		err = errors.Join(err, jerr)
		text += "  " + job + "\n"
	}
	return write(bare, "survey", head+text+"  ];\n"+dump+"in\n"+environmentNix+"survey bare jobs\n", err)
}

// dumpLine is the same for all expressions.
func dumpLine() string {
	dump.Do(func() {
		dump.line = "  dump = " + nixlang.QuoteString(strings.Replace(dumpSh, "#@skip@", skipClause(), 1)) + ";\n"
	})
	return dump.line
}

var dump struct {
	sync.Once
	line string
}

// head is the first lines of every expression.
const head = "# Written by nixbatch. Evaluated with --pure-eval: its text decides the derivation.\nlet\n"

// write makes an expression of its text, which begins with head.
func write(e Env, name, text string, err error) Expr {
	ex := Expr{Name: name, env: e}
	if err != nil {
		ex.err = &Error{Phase: "evaluate", Message: "environment cannot be written as Nix: " + err.Error(), Err: err}
	}
	ex.Text, ex.Hash = text, textHash(text)
	return ex
}

// textHash hashes a text without a second copy of it.
func textHash(text string) string {
	sum, part := sha256.New(), make([]byte, 1024)
	for len(text) > 0 {
		n := copy(part, text)
		sum.Write(part[:n])
		text = text[n:]
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func (e Env) arch() string {
	if e.Arch == "generic" {
		return ""
	}
	return e.Arch
}

// job writes the data of the expression.
func (e Env) job(name string) (string, error) {
	config, err := e.config()
	if err != nil {
		return "", err
	}
	overlays := make([]any, len(e.Overlays))
	for i, o := range e.Overlays {
		overlays[i] = map[string]any{"url": o.URL, "sha256": o.Hash, "file": path.Clean(or(o.File, "default.nix"))}
	}
	arch := e.arch()
	optimize, known := []any{}, map[string]any{}
	if arch != "" && !e.Everywhere {
		for _, p := range e.OptimizePackages {
			for i, at := range append([]string{p}, e.Aliases[p]...) {
				optimize = append(optimize, map[string]any{"path": nixlang.SplitAttr(at), "name": p, "alias": i > 0, "override": copySet(e.Override[p])})
			}
		}
	}
	if len(optimize) > 0 {
		for name, args := range e.Known {
			known[name] = args
		}
	}
	return nixlang.QuoteValue(map[string]any{
		"name":       name,
		"system":     e.System,
		"nixpkgs":    map[string]any{"url": e.Nixpkgs.URL, "sha256": e.Nixpkgs.Hash},
		"overlays":   overlays,
		"config":     config,
		"packages":   attrPaths(e.Packages),
		"optimize":   optimize,
		"reach":      or(e.Reach, jobspec.ReachRebuild),
		"known":      known,
		"arch":       arch,
		"tune":       or(e.Tune, "generic"),
		"options":    anys(e.Options),
		"compiler":   e.Compiler,
		"whole":      map[string]any{"arch": or(e.Whole, arch), "tune": or(e.WholeTune, or(e.Tune, "generic"))},
		"noTests":    e.NoTests && (len(optimize) > 0 || e.OptimizeConfig != "" && arch != ""),
		"told":       e.OptimizeConfig != "" && arch != "",
		"everywhere": e.Everywhere && arch != "",
	}, "  ")
}

func anys(texts []string) []any {
	list := make([]any, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

func attrPaths(paths []string) []any {
	list := make([]any, len(paths))
	for i, p := range paths {
		list[i] = nixlang.SplitAttr(p)
	}
	return list
}

// config is Config, with the option of OptimizeConfig set in a copy, or, without an
// arch, what turns the package set's own off.
func (e Env) config() (map[string]any, error) {
	config := copySet(e.Config)
	switch {
	case e.OptimizeConfig == "":
		return config, nil
	case e.arch() != "":
		given, err := setOption(config, e.OptimizeConfig, e.arch())
		if err == nil && given {
			err = errors.New("optimize.config " + e.OptimizeConfig + ": the option is set in environment.config too")
		}
		return config, err
	case e.ConfigOff != "" && !hasOption(config, e.OptimizeConfig):
		_, err := setOption(config, e.ConfigOff, e.ConfigOffValue)
		return config, err
	}
	return config, nil
}

// setOption sets a dotted option, unless it is given.
func setOption(config map[string]any, option string, value any) (given bool, err error) {
	parts := nixlang.SplitAttr(option)
	set := config
	for i, p := range parts[:len(parts)-1] {
		switch inner := set[p].(type) {
		case map[string]any:
			set = inner
		case nil:
			next := map[string]any{}
			set[p] = next
			set = next
		default:
			return false, fmt.Errorf("optimize.config %s: config.%s is no set", option, strings.Join(parts[:i+1], "."))
		}
	}
	last := parts[len(parts)-1]
	if _, given = set[last]; !given {
		set[last] = value
	}
	return given, nil
}

func hasOption(config map[string]any, option string) bool {
	parts := nixlang.SplitAttr(option)
	for _, p := range parts[:len(parts)-1] {
		inner, ok := config[p].(map[string]any)
		if !ok {
			return false
		}
		config = inner
	}
	_, ok := config[parts[len(parts)-1]]
	return ok
}

func copySet(set map[string]any) map[string]any {
	out := make(map[string]any, len(set))
	for k, v := range set {
		if inner, ok := v.(map[string]any); ok {
			v = copySet(inner)
		}
		out[k] = v
	}
	return out
}

// derivationName makes a job's name fit for a store path: letters, digits and
// +-_=, not too long.
func derivationName(name string) string {
	var b strings.Builder
	gap := false // others in a row are one hyphen
	for _, c := range []byte(name) {
		if lazyre.Letter(c) || lazyre.Digit(c) || strings.IndexByte("+_=-", c) >= 0 {
			b.WriteByte(c)
			gap = false
		} else if !gap {
			b.WriteByte('-')
			gap = true
		}
	}
	s := strings.Trim(b.String(), "-")
	if len(s) > 100 {
		s = s[:100]
	}
	return or(s, "job")
}
