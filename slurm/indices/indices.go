// Package indices reads and writes lists of array indices, as sbatch(1) takes them
// for --array and squeue(1) prints them: "0-3,7".
//
// It promises that what [Format] writes, [Parse] reads as the same numbers, and
// that a list which would need a memory of its own is refused. The limit behind a
// percent sign ("0-9%2") is not part of a list.
package indices

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxList is the longest list of indices that slurmctld takes for an array,
// in bytes, a limit such as %5 behind it included (tried with 22.05.8).
const MaxList = 4096

// Format writes ascending numbers as a list for --array, the way Slurm
// prints them: 0, 1, 2, 3, 7 is "0-3,7".
func Format(ns []int) string {
	var b []byte
	for i := 0; i < len(ns); {
		k := i
		for k+1 < len(ns) && ns[k+1] == ns[k]+1 {
			k++
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(ns[i]), 10)
		if k > i {
			b = append(b, map[bool]byte{true: ',', false: '-'}[k == i+1])
			b = strconv.AppendInt(b, int64(ns[k]), 10)
		}
		i = k + 1
	}
	return string(b)
}

// Parse reads a list of array indices, such as "0-3,7" or "0-15:4" (with
// a step). It refuses lists that do not ascend, which sbatch would sort, and
// more than ten million indices.
func Parse(s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	const most = 10_000_000
	var out []int
	for _, part := range strings.Split(s, ",") {
		span, by, stepped := strings.Cut(part, ":")
		first, last, isRange := strings.Cut(span, "-")
		if !isRange {
			last = first
		}
		a, aerr := number(first)
		b, berr := number(last)
		step := 1
		if stepped {
			var err error
			if step, err = number(by); err != nil || step < 1 || !isRange {
				return nil, fmt.Errorf("index list: %q is not a range with a step", part)
			}
		}
		if aerr != nil || berr != nil || b < a || len(out) > 0 && a <= out[len(out)-1] {
			return nil, fmt.Errorf("index list: %q is not ascending numbers", part)
		}
		if (b-a)/step >= most-len(out) {
			return nil, fmt.Errorf("index list: more than %d indices", most)
		}
		for n := a; n <= b; n += step {
			out = append(out, n)
		}
	}
	return out, nil
}

// number reads decimal digits and nothing else.
func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}

// Fit is how many of the ascending numbers, each less base, Format
// writes into at most so many bytes, from the first on.
func Fit(ns []int, base, bytes int) int {
	closed, first := 0, 0 // the length of all ranges but the last, which begins at first
	for i, n := range ns {
		if i == 0 || n != ns[i-1]+1 {
			if i > 0 {
				closed += rangeLen(first-base, ns[i-1]-base) + 1
			}
			first = n
		}
		if closed+rangeLen(first-base, n-base) > bytes {
			return i
		}
	}
	return len(ns)
}

func rangeLen(first, last int) int {
	n := len(strconv.Itoa(first))
	if last > first {
		n += 1 + len(strconv.Itoa(last))
	}
	return n
}
