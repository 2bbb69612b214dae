package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/submit"
)

// A package set of the size of nixpkgs: this many files, of which the job's
// package is made from some as nwchem is from 1,200 derivations.
const (
	treeFiles = 44000
	treeUsed  = 1200
)

const planJob = `name: bench-plan
environment:
  nixpkgs: {path: %s}
  packages: [%s]
optimize: {arch: [x86-64-v2], packages: [%s]}
slurm: {ntasks: 1, mem: 100M, time: "5"}
run: "true"
`

// plans times plans with a pin of that size: a warm one against one with a
// small pin, and a first one against what Nix alone takes for the same shell.
func (b *bed) plans() error {
	fmt.Printf("(e) plans with a pin of %d files given by path:\n", treeFiles)
	if err := writeTree(filepath.Join(b.dir, "large"), filepath.Join(b.dir, "minipkgs")); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(b.dir, "plans"), 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"large.yaml": fmt.Sprintf(planJob, "../large", "big", "minilinalg, big"),
		"small.yaml": fmt.Sprintf(planJob, "../minipkgs", "rhf", "minilinalg, rhf"),
		"both.nix": "map (x: with import ../large { system = \"" + submit.System() + "\"; config = { }; overlays = [ (final: prev: { minilinalg = prev.minilinalg.overrideAttrs (old: { inherit x; }); }) ]; };\n" +
			"  mkShell { packages = [ big ]; }) [ 1 2 ]\n",
		"shell.nix": "with import ../large { system = \"" + submit.System() + "\"; config = { }; overlays = [ ]; }; mkShell { packages = [ big ]; }\n",
	} {
		if err := b.job("plans", name, text); err != nil {
			return err
		}
	}
	first, err := b.timed("plans", b.nixbatch, "plan", "large.yaml")
	if err != nil {
		return err
	}
	fmt.Printf("  the very first plan, which reads the tree and copies it into the store: %.1f s\n", first.Seconds())
	for _, part := range []func() error{b.warmPlans, b.firstPlans, b.forgetTree} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (b *bed) warmPlans() error {
	const runs = 10
	var p pairs
	for i := range runs + 1 {
		large, err := b.timed("plans", b.nixbatch, "plan", "large.yaml")
		if err != nil {
			return err
		}
		small, err := b.timed("plans", b.nixbatch, "plan", "small.yaml")
		if err != nil {
			return err
		}
		if i > 0 { // the first one finds the tree settled, and small in the store
			p.add(large, small)
		}
	}
	p.print("warm plan, large pin", "warm plan, small pin")
	return nil
}

func (b *bed) firstPlans() error {
	const runs = 5
	var p, floor pairs
	for range runs {
		// Everything forgotten but the hash of the tree.
		for _, name := range []string{"eval", "inventory.json"} {
			if err := os.RemoveAll(filepath.Join(b.dir, "plans", ".nixbatch", name)); err != nil {
				return err
			}
		}
		ours, err := b.timed("plans", b.nixbatch, "plan", "large.yaml")
		if err != nil {
			return err
		}
		plain, err := b.timed("plans", "nix-instantiate", "shell.nix")
		if err != nil {
			return err
		}
		asked, err := b.byHand()
		if err != nil {
			return err
		}
		p.add(ours, plain)
		floor.add(asked, plain)
	}
	p.print("first plan", "nix-instantiate of the same shell")
	fmt.Println("  the floor: the two shells that are compared, and what there is to build, asked of Nix by hand")
	floor.print("by hand", "nix-instantiate of the same shell")
	p.against(floor)
	goals(map[string]goal{"a first plan": {p, 1.5}})
	return nil
}

// byHand asks Nix for what the plan says: the shell, the one that differs in the
// named packages, and what there is to build.
func (b *bed) byHand() (time.Duration, error) {
	began := time.Now()
	drv, err := b.run("plans", "nix-instantiate", "both.nix")
	if err != nil {
		return 0, err
	}
	_, err = b.run("plans", "nix-store", "--realise", "--dry-run", strings.Fields(string(drv))[0])
	return time.Since(began), err
}

// forgetTree takes the copy of the tree out of the store again.
func (b *bed) forgetTree() error {
	out, err := b.run("plans", b.nixbatch, "plan", "--json", "large.yaml")
	if err != nil {
		return err
	}
	var v struct {
		Pins []struct {
			Store string `json:"store_path"`
		} `json:"pins"`
	}
	if err := json.Unmarshal(out, &v); err != nil {
		return err
	}
	for _, pin := range v.Pins {
		if _, err := b.run("plans", "nix-store", "--delete", pin.Store); err != nil {
			return err
		}
	}
	return nil
}

// writeTree makes a package set of treeFiles files around a small one.
func writeTree(dir, small string) error {
	if err := os.CopyFS(filepath.Join(dir, "base"), os.DirFS(small)); err != nil {
		return err
	}
	files := map[string]string{
		"default.nix": "args: import ./base (args // { overlays = [ (import ./overlay.nix) ] ++ (args.overlays or [ ]); })\n",
		"overlay.nix": `final: prev:
let
  used = builtins.genList (i: final.callPackage (./by-name + "/${toString (i / 100)}/${toString i}.nix") { }) ` + fmt.Sprint(treeUsed) + `;
in
{
  big = final.callPackage (
    { stdenv, minilinalg }:
    stdenv.mkDerivation {
      name = "big-1.0";
      buildInputs = [ minilinalg ] ++ used;
      buildCommand = "touch $out";
    }
  ) { };
}
`,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for i := range treeFiles {
		sub := filepath.Join(dir, "by-name", fmt.Sprint(i/100))
		if i%100 == 0 {
			if err := os.MkdirAll(sub, 0o755); err != nil {
				return err
			}
		}
		text := fmt.Sprintf("{ stdenv }: stdenv.mkDerivation { name = \"filler-%d\"; buildCommand = \"echo %d >$out\"; }\n", i, i)
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("%d.nix", i)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
