package slurm

import (
	"fmt"
	"math"
	"strings"
)

// ParseNodes reads the value of sbatch(1) --nodes and returns the least and the
// largest number of nodes that it allows: "2" is 2 and 2, "2-4" is 2 and 4. A k
// behind a number is 1,024 times it, an m 1,048,576 times. Since 23.02 there may
// be several, with commas, and ranges with a step: "1,4-8:2" is 1 and 8.
func ParseNodes(s string) (least, most int, err error) {
	for _, part := range strings.Split(s, ",") {
		span, step, stepped := strings.Cut(part, ":")
		lo, hi, isRange := strings.Cut(span, "-")
		if !isRange {
			hi = lo
		}
		a, aerr := nodeCount(lo)
		b, berr := nodeCount(hi)
		if _, serr := digits(step); aerr != nil || berr != nil || stepped && serr != nil {
			return 0, 0, fmt.Errorf("%q is not a number, or a range such as 2-4", s)
		}
		switch {
		case a == 0:
			return 0, 0, fmt.Errorf("%q is not above zero", span)
		case a > b:
			return 0, 0, fmt.Errorf("%q ends below its beginning", span)
		case b > math.MaxInt32:
			return 0, 0, fmt.Errorf("%q is more than Slurm can hold", span)
		}
		if least == 0 || a < least {
			least = a
		}
		most = max(most, b)
	}
	return least, most, nil
}

// nodeCount reads 2, 2k or 2m, of at most ten digits.
func nodeCount(s string) (int, error) {
	num, unit := s, 1
	if n := len(s) - 1; n >= 0 {
		switch s[n] {
		case 'k', 'K':
			num, unit = s[:n], 1<<10
		case 'm', 'M':
			num, unit = s[:n], 1<<20
		}
	}
	if len(num) > 10 {
		return 0, fmt.Errorf("%q is too long", s)
	}
	n, err := digits(num)
	return int(n) * unit, err
}
