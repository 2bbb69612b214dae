package sbatch_test

import (
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Values are quoted so that sbatch reads them unchanged.
func ExampleOptions_Lines() {
	options := sbatch.Options{{Name: "nodes", Value: "2"}, {Name: "job-name", Value: `the "wet" run`}, {Name: "exclusive"}}
	lines, err := options.Set("time", "1:30:00").Lines()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(lines, "\n"))
	// Output:
	// #SBATCH --nodes=2
	// #SBATCH --job-name="the \"wet\" run"
	// #SBATCH --exclusive
	// #SBATCH --time=1:30:00
}

// What sbatch would refuse, or take for something else, is told without a cluster.
func ExampleCheck() {
	fmt.Println(sbatch.Check("mem", "60G"))
	fmt.Println(sbatch.Check("mem", "60 gigabytes"))
	fmt.Println(sbatch.Check("walltime", "10"))
	// Output:
	// <nil>
	// size "60 gigabytes" is not a whole number with K, M, G or T
	// not an option of sbatch
}

func ExampleLookup() {
	o, ok := sbatch.Lookup("ntasks")
	fmt.Println(ok, "-"+o.Short, o.Meaning)
	// Output: true -n number of tasks
}

// A job may ask for memory in one of three ways.
func ExampleOptions_Memory() {
	o := sbatch.Options{{Name: "ntasks", Value: "4"}, {Name: "mem-per-cpu", Value: "2G"}}
	fmt.Println(o.Memory())
	// Output: {mem-per-cpu 2G} true
}
