// Command realnix evaluates what chemists name on a real nixpkgs, and NixOS-QChem
// over it, and prints what an optimised build changes there: make realnix
// NIXPKGS=DIR [QCHEM=DIR]. Nothing is built. It fails where a derivation differs that
// lies between no name and the environment, where one does not that does, and where a
// package is there in two forms.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/internal/tuning"
	"github.com/nixbatch/nixbatch/jobspec"
)

// row is a job as somebody would write it.
type row struct {
	packages, named string // separated by spaces
	config          string // optimize.config
	override        map[string]map[string]any
	arch            string
	tests           string // "off": the machine that builds cannot run the arch
}

// rows are of nixpkgs alone.
var rows = []row{
	{packages: "nwchem", named: "openblas nwchem"},
	{packages: "nwchem", named: "blas lapack"},
	{packages: "gromacs", named: "fftw gromacs"},
	{packages: "gromacs", named: "fftw gromacs", arch: "skylake-avx512"},
	{packages: "gromacs", named: "gromacs", override: map[string]map[string]any{"gromacs": {"cpuAcceleration": "AVX_256"}}},
	{packages: "quantum-espresso", named: "openblas fftw quantum-espresso"},
	{packages: "cp2k", named: "openblas fftw libxsmm libint cp2k"},
	{packages: "python3Packages.numpy", named: "openblas"},
	{packages: "python3Packages.scipy", named: "python3Packages.numpy"},
	{packages: "python3Packages.pyscf", named: "openblas"},
	{packages: "python3Packages.pyscf", named: "python3Packages.numpy python3Packages.pyscf"},
	{packages: "python3Packages.pyscf", named: "openblas python3Packages.numpy python3Packages.pyscf"},
}

// qchemRows are of the overlay.
var qchemRows = []row{
	{packages: "qchem.nwchem", config: "qchem-config.optArch"},
	{packages: "qchem.nwchem", named: "openblas qchem.nwchem"},
	{packages: "qchem.nwchem", config: "qchem-config.optArch", tests: "off"},
	{packages: "qchem.psi4", named: "openblas", config: "qchem-config.optArch"},
}

func main() {
	if err := run(); err != nil {
		screen.Printf(os.Stderr, "realnix: %s\n", err)
		os.Exit(1)
	}
}

func run() error {
	nixpkgs, qchem := flag.String("nixpkgs", "", "directory of a nixpkgs"), flag.String("qchem", "", "directory of NixOS-QChem")
	dir, only := flag.String("dir", "build/realnix", "where answers are kept"), flag.String("only", "", "only rows that have this word")
	flag.Parse()
	if *nixpkgs == "" {
		return errors.New("no nixpkgs is named: make realnix NIXPKGS=DIR")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t := trees{nix: &nix.Nix{Dir: *dir}, memory: nixsource.Memory{Dir: filepath.Join(*dir, "trees")}}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return err
	}
	if err := t.resolve(*nixpkgs, *qchem); err != nil {
		return err
	}
	screen.Printf(os.Stdout, "| packages | named | differs from generic in | |\n|---|---|---|---|\n")
	all := rows
	if *qchem != "" {
		all = qchemRows
	}
	wrong := 0
	for _, r := range all {
		if !strings.Contains(r.packages+" "+r.named, *only) {
			continue
		}
		problems, err := t.show(ctx, os.Stdout, r)
		var missing *nix.MissingPackage
		if errors.As(err, &missing) {
			screen.Printf(os.Stdout, "| %s | %s | not there: no %s | |\n", r.packages, r.named, missing.Name)
			continue
		}
		if err != nil && strings.HasPrefix(err.Error(), "optimize.packages: ") { // an older one has not the argument
			screen.Printf(os.Stdout, "| %s | %s | refused: %s | |\n", r.packages, r.named, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.packages, err)
		}
		wrong += problems
	}
	if wrong > 0 {
		return fmt.Errorf("%s not as promised", text.Plural(wrong, "thing"))
	}
	return nil
}

// trees is what everything is evaluated on.
type trees struct {
	nix      *nix.Nix
	memory   nixsource.Memory
	nixpkgs  nixsource.Source
	overlays []nixsource.OverlaySource
}

func (t *trees) resolve(nixpkgs, qchem string) (err error) {
	if t.nixpkgs, err = t.memory.Resolve(jobspec.Pin{Kind: jobspec.Path, Path: nixpkgs}, "."); err != nil || qchem == "" {
		return err
	}
	o, err := t.memory.Resolve(jobspec.Pin{Kind: jobspec.Path, Path: qchem}, ".")
	t.overlays = []nixsource.OverlaySource{{Source: o, File: "overlay.nix"}}
	return err
}

// show evaluates a row and prints it, with what is not as promised.
func (t *trees) show(ctx context.Context, w io.Writer, r row) (problems int, err error) {
	e := nix.Env{Name: "realnix", System: submit.System(), Nixpkgs: t.nixpkgs, Overlays: t.overlays, Packages: strings.Fields(r.packages),
		Config: map[string]any{"allowUnfree": true}, OptimizePackages: strings.Fields(r.named), OptimizeConfig: r.config, Override: r.override}
	if off, value, ok := tuning.Off(r.config); ok {
		e.ConfigOff, e.ConfigOffValue = off, value
	}
	generic := e
	e.NoTests = r.tests == "off"
	e.Arch = r.arch
	if e.Arch == "" {
		e.Arch = "haswell"
	}
	e.Tune, e.Known, e.Aliases = e.Arch, tuning.Arguments(e.Arch), tuning.Aliases(e.OptimizePackages)
	if _, err := t.nix.Survey(ctx, generic, []nix.Env{generic, e}); err != nil {
		return 0, err
	}
	was, err := t.graph(ctx, generic)
	if err != nil {
		return 0, err
	}
	is, err := t.graph(ctx, e)
	if err != nil {
		return 0, err
	}
	screen.Printf(w, "| %s | %s | ", r.packages, strings.TrimSpace(r.named+" "+r.config))
	diff := names(is.Diff(was), is.Root)
	screen.Printf(w, "%d of %d: %s | ", len(diff), len(is.Nodes)-1, text.Some(diff, 20))
	reach, err := is.Reach()
	if err != nil {
		return 0, err
	}
	before, err := was.Reach()
	if err != nil {
		return 0, err
	}
	var words []string
	for _, n := range reach.Names {
		words = append(words, plan.Reach{Name: n.Name, Reaches: n.Reaches, Arguments: n.Arguments}.Words())
	}
	if r.config != "" || len(before.March) > 0 {
		words = append(words, told("generic", before.March), told(e.Arch, reach.March))
	}
	if r.tests == "off" {
		words = append(words, fmt.Sprintf("tests on in %d", len(reach.Tested)))
	}
	screen.Printf(w, "%s |\n", strings.Join(words, "; "))
	var wrong []string
	if r.config == "" { // else the overlay decides what differs
		if wrong, err = is.Astray(was); err != nil {
			return 0, err
		}
	} else if len(before.March) > 0 {
		wrong = append(wrong, "the generic build is made for an arch")
	}
	if r.tests == "off" && len(reach.Tested) > 0 {
		wrong = append(wrong, "tests stay on: "+strings.Join(reach.Tested, " "))
	}
	for _, n := range reach.Names {
		if len(n.Reaches) == 0 {
			wrong = append(wrong, n.Name+" reaches nothing; "+tuning.Instead(n.Is, reach.All))
		}
	}
	for _, p := range wrong {
		screen.Printf(w, "  WRONG: %s\n", p)
	}
	return len(wrong), nil
}

// told is what compilers are told as -march by the set itself, and how often.
func told(build string, march map[string]int) string {
	var words []string
	for _, arch := range slices.Sorted(maps.Keys(march)) {
		words = append(words, fmt.Sprintf("%d with the set's own -march=%s", march[arch], arch))
	}
	if len(words) == 0 {
		words = []string{"none with an -march of the set's own"}
	}
	return build + ": " + strings.Join(words, ", ")
}

func (t *trees) graph(ctx context.Context, e nix.Env) (*nixgraph.Graph, error) {
	d, err := t.nix.Instantiate(ctx, nix.Expression(e))
	if err != nil {
		return nil, err
	}
	return t.nix.Graph(d.Drv)
}

// names are those of some derivations but the root.
func names(nodes []nixgraph.Node, root string) (out []string) {
	for _, n := range nodes {
		if n.Drv != root {
			out = append(out, n.Name)
		}
	}
	return out
}
