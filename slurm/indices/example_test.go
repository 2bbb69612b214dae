package indices_test

import (
	"fmt"

	"github.com/nixbatch/nixbatch/slurm/indices"
)

// The tasks of a sweep that are left to do, as one array.
func Example() {
	fmt.Println("--array=" + indices.Format([]int{0, 1, 2, 3, 7, 9}) + "%2")
	fmt.Println(indices.Parse("0-3,7,12-20:4"))
	fmt.Println(indices.Parse("3-1"))
	// Output:
	// --array=0-3,7,9%2
	// [0 1 2 3 7 12 16 20] <nil>
	// [] index list: "3-1" is not ascending numbers
}

// A list that is too long for one array is cut where it still fits.
func ExampleFit() {
	left := []int{1000, 1001, 1002, 1010, 1020}
	n := indices.Fit(left, 1000, len("0-2,10"))
	fmt.Println(left[:n], left[n:])
	// Output: [1000 1001 1002 1010] [1020]
}
