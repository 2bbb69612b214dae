package jobspec_test

import (
	"errors"
	"fmt"

	"github.com/nixbatch/nixbatch/jobspec"
)

const water = `name: water
environment:
  nixpkgs: {path: ./nixpkgs}
  packages: [nwchem]
slurm: {ntasks: 4, time: "1:30:00"}
inputs: [water.nw]
run: launch nwchem water.nw
`

func ExampleParse() {
	spec, err := jobspec.Parse("jobs/water.yaml", []byte(water))
	if err != nil {
		fmt.Println(err)
		return
	}
	limit, _ := spec.Slurm.Get("time")
	fmt.Println(spec.Name, spec.Environment.Packages, limit)
	fmt.Println(spec.Resolve(spec.Inputs[0]))
	// Output:
	// water [nwchem] 1:30:00
	// jobs/water.nw
}

// All that is wrong with a file is told at once, at its place.
func ExampleParse_problems() {
	_, err := jobspec.Parse("water.yaml", []byte(`name: water
enviroment:
  nixpkgs: {github: NixOS/nixpkgs, rev: master}
slurm: {time: 1.5h, mem: 010}
run: nwchem
`))
	fmt.Println(err)
	var problems jobspec.Problems
	if errors.As(err, &problems) {
		fmt.Println(len(problems), "problems, the first on line", problems[0].Line)
	}
	// Output:
	// water.yaml:2:1: unknown key "enviroment"
	//   hint: did you mean environment?
	// water.yaml:4:15: slurm.time: time "1.5h" is not minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes, days-hours:minutes:seconds or UNLIMITED
	// water.yaml:4:26: slurm.mem: 010 can be read as octal, as decimal or as text
	//   hint: put it between quotes to keep the zero, or drop the zero
	// 3 problems, the first on line 2
}

// A sweep is many tasks of one job.
func ExampleSweep_Tasks() {
	spec, err := jobspec.Parse("scan.yaml", []byte(water+`sweep:
  matrix:
    basis: [sto-3g, cc-pvdz]
    charge: [0, 1]
  exclude: [{basis: sto-3g, charge: 1}]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	tasks, err := spec.Sweep.Tasks(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for number, task := range tasks {
		fmt.Println(number, task, task.Input("{basis}.nw"))
	}
	// Output:
	// 0 basis=sto-3g charge=0 sto-3g.nw
	// 1 basis=cc-pvdz charge=0 cc-pvdz.nw
	// 2 basis=cc-pvdz charge=1 cc-pvdz.nw
}
