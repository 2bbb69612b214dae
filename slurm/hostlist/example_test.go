package hostlist_test

import (
	"fmt"

	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

// The hosts of a job, as SLURM_JOB_NODELIST has them.
func Example() {
	names, err := hostlist.Expand("n[08-10],login")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range names {
		fmt.Println(n)
	}
	fmt.Println(hostlist.Compress(names))
	// Output:
	// n08
	// n09
	// n10
	// login
	// login,n[08-10]
}

// Racks and nodes: the last bracket runs fastest.
func ExampleExpand() {
	fmt.Println(hostlist.Expand("r[1-2]n[01-02]"))
	fmt.Println(hostlist.Expand("n[1-"))
	// Output:
	// [r1n01 r1n02 r2n01 r2n02] <nil>
	// [] host list "n[1-": a bracket is not closed
}

// Zeros in front are part of a name, and each name is in the list once.
func ExampleCompress() {
	fmt.Println(hostlist.Compress([]string{"n2", "n01", "n1", "n3", "n2", "gpu"}))
	// Output: gpu,n[1-3,01]
}
