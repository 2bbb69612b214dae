package constraint_test

import (
	"fmt"

	"github.com/nixbatch/nixbatch/slurm/constraint"
)

func Example() {
	fmt.Println(constraint.Match("(haswell|zen4)&ib", []string{"zen4", "ib", "big"}, 1))
	fmt.Println(constraint.Match("haswell&ib", []string{"zen4", "ib", "big"}, 1))
	fmt.Println(constraint.Match("haswell&(ib", nil, 1))
	// Output:
	// true <nil>
	// false <nil>
	// false not a constraint that sbatch takes
}

// Four nodes, of which two have to be Haswells: the others may be any.
func ExampleMatch_counts() {
	fmt.Println(constraint.Match("haswell*2", []string{"zen4"}, 4))
	fmt.Println(constraint.Match("haswell*2", []string{"zen4"}, 2))
	// Output:
	// true <nil>
	// false <nil>
}
