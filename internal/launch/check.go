package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// checkTimeout bounds the world-size check. It takes less than a second where
// all is well; on thousands of nodes a step can take some to start.
const checkTimeout = 2 * time.Minute

// Check is the fact that a launcher was tried before it was trusted.
type Check struct {
	Schema   string  `json:"schema"`
	Launcher string  `json:"launcher"`
	MPIType  string  `json:"mpi_type,omitempty"`
	Ranks    int     `json:"ranks"`
	World    int     `json:"world_size"`
	Seconds  float64 `json:"seconds"`
}

// checkLines is what each rank runs: who it is by every name there is.
const checkLines = `printf 'rank %s %s %s %s %s %s %s\n' "${SLURM_PROCID:--}" "${SLURM_NTASKS:--}" "${PMIX_RANK:--}" "${PMI_RANK:--}" "${PMI_SIZE:--}" "${OMPI_COMM_WORLD_RANK:--}" "${OMPI_COMM_WORLD_SIZE:--}"`

// Columns of what checkLines prints.
const (
	slurmRank = iota + 1
	slurmSize
	pmixRank
	pmiRank
	pmiSize
	ompiRank
	ompiSize
)

// world starts the launcher with so many ranks of a small shell command, and
// has each say who it is. A launcher that passed once in this job is trusted.
func (l *launcher) world(ctx context.Context) (*Check, error) {
	file := filepath.Join(l.dir, fmt.Sprintf("launch-check-%s-%s-%d.json", l.name, orNone(l.mpiType), l.ranks))
	var before Check
	if durable.Read(file, &before) == nil {
		return &before, nil
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	c := l.command([]string{l.setup.Priv.Bash, "--noprofile", "--norc", "-c", checkLines}, true)
	res, err := l.runner.Run(ctx, c)
	if err != nil {
		var pe *proc.Error
		how := err.Error()
		if errors.As(err, &pe) && pe.Decisive != "" {
			how = pe.Decisive // the command line of a check says nothing to a user
		}
		return nil, fault.New(fmt.Sprintf("%s could not start %d ranks: %s", l.describe(), l.ranks, how), l.otherWay())
	}
	rank, size := l.columns()
	world, err := countRanks(string(res.Stdout), rank, size, l.ranks)
	if err != nil {
		return nil, fault.New(fmt.Sprintf("%s does not give its ranks a world of %d: %v", l.describe(), l.ranks, err), l.otherWay())
	}
	done := &Check{Schema: CheckSchema, Launcher: l.name, MPIType: l.mpiType, Ranks: l.ranks, World: world, Seconds: time.Since(began).Seconds()}
	if err := durable.Write(file, done); err != nil && !errors.Is(err, durable.ErrExists) {
		fmt.Fprintf(os.Stderr, "nixbatch: launch: %v\n", err)
	}
	return done, nil
}

// columns says where the launcher tells a rank who it is.
func (l *launcher) columns() (rank, size int) {
	switch {
	case l.name == "mpirun" && l.mpi.Name == OpenMPI:
		return ompiRank, ompiSize
	case l.name == "mpirun", l.mpiType == "pmi2":
		return pmiRank, pmiSize
	case strings.HasPrefix(l.mpiType, "pmix"):
		return pmixRank, slurmSize
	}
	return slurmRank, slurmSize
}

// countRanks reads what the ranks said: each rank from 0 to want-1 once, in a
// world of want.
func countRanks(out string, rank, size, want int) (int, error) {
	seen := map[int]bool{}
	lines := 0
	for _, line := range strings.Split(out, "\n") {
		f := strings.Fields(line)
		if len(f) != ompiSize+1 || f[0] != "rank" {
			continue
		}
		lines++
		r, err := strconv.Atoi(f[rank])
		if err != nil {
			return 0, fmt.Errorf("rank %d was not told its number", lines-1)
		}
		if n, err := strconv.Atoi(f[size]); err != nil || n != want {
			return 0, fmt.Errorf("rank %d is one of %s", r, f[size])
		}
		if seen[r] {
			return 0, fmt.Errorf("rank %d is there more than once", r)
		}
		seen[r] = true
	}
	if len(seen) != want {
		return 0, fmt.Errorf("%d ranks answered", len(seen))
	}
	ranks := make([]int, 0, want)
	for r := range seen {
		ranks = append(ranks, r)
	}
	if slices.Min(ranks) != 0 || slices.Max(ranks) != want-1 {
		return 0, fmt.Errorf("the ranks are %d to %d", slices.Min(ranks), slices.Max(ranks))
	}
	return want, nil
}

func (l *launcher) describe() string {
	if l.name == "srun" && l.mpiType != "" {
		return "srun --mpi=" + l.mpiType
	}
	return l.name
}

func (l *launcher) otherWay() string {
	if l.name == "srun" && l.mpi.Run != "" {
		return "set launcher: mpirun in the job file"
	}
	if l.name == "mpirun" && !l.setup.Local {
		return "set launcher: srun in the job file"
	}
	return "try the command by hand"
}

func orNone(s string) string {
	if s == "" {
		return "default"
	}
	return s
}
