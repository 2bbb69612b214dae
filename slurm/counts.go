package slurm

import (
	"fmt"
	"strings"
)

// maxCounts is how many a list may have.
const maxCounts = 1 << 20

// ExpandCounts reads a list with repetitions as Slurm gives it in
// SLURM_TASKS_PER_NODE and SLURM_JOB_CPUS_PER_NODE: "72(x2),36" is 72, 72, 36.
func ExpandCounts(s string) ([]int, error) {
	var out []int
	for _, part := range strings.Split(s, ",") {
		num, rep := part, int64(1)
		if i := strings.Index(part, "(x"); i >= 0 && strings.HasSuffix(part, ")") {
			var err error
			num = part[:i]
			if rep, err = digits(part[i+2 : len(part)-1]); err != nil || rep < 1 {
				return nil, fmt.Errorf("counts %q: %q is not a repetition", s, part)
			}
		}
		n, err := digits(num)
		if err != nil || n > 1<<31 {
			return nil, fmt.Errorf("counts %q: %q is not a count", s, part)
		}
		if rep > maxCounts-int64(len(out)) {
			return nil, fmt.Errorf("counts %q: more than %d", s, maxCounts)
		}
		for ; rep > 0; rep-- {
			out = append(out, int(n))
		}
	}
	return out, nil
}
