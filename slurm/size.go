package slurm

import (
	"fmt"
	"math"
	"strings"
)

// ParseSize reads an amount of memory as sbatch(1) --mem does: a whole number,
// then K, M, G or T in either case, which may have a B behind, megabytes
// without. The result is in MiB, rounded up. "0" is 0, which for --mem asks for all the memory of a node.
func ParseSize(s string) (mib int64, err error) {
	num := strings.TrimRight(s, "kKmMgGtTbB")
	shift, known := map[string]int{"": 0, "K": -10, "M": 0, "G": 10, "T": 20}[strings.TrimSuffix(strings.ToUpper(s[len(num):]), "B")]
	n, err := digits(num)
	switch {
	case err != nil || !known || strings.EqualFold(s[len(num):], "B"):
		return 0, fmt.Errorf("size %q is not a whole number with K, M, G or T", s)
	case n > math.MaxInt64>>21: // beyond any machine, and the shift stays exact
		return 0, fmt.Errorf("size %q is larger than Slurm can hold", s)
	case shift < 0:
		return (n + 1023) >> 10, nil
	}
	return n << shift, nil
}

// FormatSize writes MiB in the largest unit that leaves a whole number, as
// sbatch reads it: 61440 is "60G", 1000 is "1000M".
func FormatSize(mib int64) string {
	switch {
	case mib != 0 && mib%(1<<20) == 0:
		return fmt.Sprintf("%dT", mib>>20)
	case mib != 0 && mib%(1<<10) == 0:
		return fmt.Sprintf("%dG", mib>>10)
	}
	return fmt.Sprintf("%dM", mib)
}
