package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

const holdJob = `name: bench-submit
environment:
  nixpkgs: {path: ../minipkgs}
  packages: [rhf]
optimize: {arch: auto, packages: [rhf, minilinalg]}
slurm: {ntasks: 1, mem: 100M, time: "5", hold: true}
inputs: [water.xyz]
run: rhf water.xyz sto-3g
`

// submit times a warm submit against bare sbatch of the very script that it
// made. The jobs are held, so that none of them runs while others are timed.
func (b *bed) submit() error {
	const runs = 30
	fmt.Println("(a) warm submit, environment built before, against bare sbatch of the same script")
	if err := b.job("water", "hold.yaml", holdJob); err != nil {
		return err
	}
	out, err := b.run("water", b.nixbatch, "submit", "--json", "hold.yaml")
	if err != nil {
		return err
	}
	var first struct {
		RunDir string `json:"run_dir"`
	}
	if err := json.Unmarshal(out, &first); err != nil {
		return err
	}
	script := filepath.Join(first.RunDir, "batch.sh")
	var p, floor pairs
	for range runs {
		ours, err := b.timed("water", b.nixbatch, "submit", "--again", "hold.yaml")
		if err != nil {
			return err
		}
		bare, err := b.timed("water", "sbatch", "--parsable", script)
		if err != nil {
			return err
		}
		began, err := b.timed("water", b.libraries())
		if err != nil {
			return err
		}
		p.add(ours, bare)
		floor.add(began+bare, bare)
	}
	p.print("nixbatch submit", "sbatch")
	floor.print("the floor: libraries, then sbatch", "sbatch")
	p.against(floor)
	goals(map[string]goal{"a warm submit": {p, 2.5}})
	if err := b.countExecs(); err != nil {
		return err
	}
	_, err = b.run("water", "scancel", "--me")
	return err
}

var execLine = lazyre.New(`execve\("([^"]*)".*\) = 0`)

// countExecs shows which programs a warm submit starts.
func (b *bed) countExecs() error {
	trace := filepath.Join(b.dir, "execs")
	if _, err := b.run("water", "strace", "-f", "-qq", "-e", "trace=execve", "-o", trace, b.nixbatch, "submit", "--again", "hold.yaml"); err != nil {
		return err
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		return err
	}
	nix := 0
	var names []string
	for _, m := range execLine.FindAllStringSubmatch(string(data), -1) {
		name := filepath.Base(m[1])
		names = append(names, name)
		if strings.HasPrefix(name, "nix") && name != filepath.Base(b.nixbatch) {
			nix++
		}
	}
	fmt.Printf("  programs started: %s; Nix programs among them: %d\n", strings.Join(names, " "), nix)
	return nil
}
