package slurm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// MPITypes asks srun which kinds of MPI it can start ranks of, sorted: none,
// pmi2, pmix, pmix_v4 …
func (c *Client) MPITypes(ctx context.Context) ([]string, error) {
	out, err := c.run(ctx, Command{Name: "srun", Args: []string{"--mpi=list"}}, true)
	// Some releases print the list on stderr, and exit with 1 after it.
	types := ParseMPITypes(string(out.Stdout) + "\n" + string(out.Stderr))
	if err != nil && len(types) == 0 {
		return nil, fmt.Errorf("kinds of MPI: %w", err)
	}
	return types, nil
}

var mpiTypeLine = lazyre.New(`^(?:srun: )?\s*([a-z0-9_]+)$`)

// ParseMPITypes reads what `srun --mpi=list` prints, of all releases: names on
// lines of their own, up to 21.08 after "srun: ", and since 22.05 a last line
// with the versions of the PMIx plugin. The result is sorted, each name once.
func ParseMPITypes(s string) []string {
	var types []string
	for _, l := range strings.Split(s, "\n") {
		l = strings.TrimRight(l, " \t\r")
		if _, rest, ok := strings.Cut(l, "plugin versions available:"); ok {
			types = append(types, strings.FieldsFunc(rest, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })...)
			continue
		}
		if g := mpiTypeLine.FindStringSubmatch(l); g != nil {
			types = append(types, g[1])
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}
