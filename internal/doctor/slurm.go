package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/slurm"
)

func (h *Health) slurm(ctx context.Context, c *slurm.Client) {
	v, err := versionWithin(ctx, c)
	if err != nil {
		h.add("slurm", "commands", Bad, oneLineOf(err), (&ledger.SlurmError{Err: err}).Hint())
		return
	}
	h.add("slurm", "commands", Good, v.Text, "")
	nodes, def, err := inventoryWithin(ctx, c)
	if err != nil {
		h.add("slurm", "controller", Bad, oneLineOf(err), "scontrol ping tells which controller is asked; the site's admin knows whether it is down")
	} else {
		up := 0
		for _, n := range nodes {
			if n.Usable() {
				up++
			}
		}
		says := fmt.Sprintf("answers; %d nodes, %d of them up", len(nodes), up)
		verdict, way := Good, ""
		switch {
		case up == 0:
			verdict, way = Bad, "sinfo -R tells why nodes are down"
		case def == "":
			says += "; no default partition"
			way = "job files, or slurm: in the site file, have to name a partition"
		default:
			says += "; default partition " + def
		}
		h.add("slurm", "controller", verdict, says, way)
		h.controllerClock(ctx, c)
	}
	h.mpi(ctx, c)
}

func versionWithin(ctx context.Context, c *slurm.Client) (slurm.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	return c.Version(ctx)
}

func inventoryWithin(ctx context.Context, c *slurm.Client) ([]slurm.Node, string, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	return submit.Inventory(ctx, c)
}

// controllerClock compares the controller's clock with this machine's, to the
// second: the configuration says when it was sent.
func (h *Health) controllerClock(ctx context.Context, c *slurm.Client) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	before := time.Now()
	conf, err := c.Config(ctx)
	if err == nil && !conf.Time.IsZero() {
		h.clock("controller", skew(conf.Time, before.Truncate(time.Second), time.Now()))
		return
	}
	h.add("clock", "controller", Unknown, "the controller does not tell its time", "")
}

// skew is how far a clock was off that showed a time between before and after:
// that the answer took long is no fault of the clock.
func skew(shown, before, after time.Time) time.Duration {
	switch {
	case shown.Before(before):
		return before.Sub(shown)
	case shown.After(after):
		return after.Sub(shown)
	}
	return 0
}

// maxSkew is how far clocks may differ before what is told of a run is wrong by
// more than people would overlook.
const maxSkew = 5 * time.Second

func (h *Health) clock(name string, skew time.Duration) {
	if skew.Abs() > maxSkew {
		h.add("clock", name, Bad, fmt.Sprintf("its clock differs from this machine's by %s", skew.Round(time.Second)),
			"times in records and the age of what is known will be wrong: the clocks want NTP")
		return
	}
	h.add("clock", name, Good, "its clock agrees with this machine's", "")
}

// mpi tells what srun can start ranks with. Open MPI 5 of nixpkgs needs PMIx.
func (h *Health) mpi(ctx context.Context, c *slurm.Client) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	types, err := c.MPITypes(ctx)
	if err != nil || len(types) == 0 {
		h.add("slurm", "mpi", Unknown, "srun --mpi=list tells nothing", "jobs with launcher: srun may not find their ranks; launcher: mpirun does without")
		return
	}
	says := "srun speaks " + strings.Join(types, ", ")
	if slices.ContainsFunc(types, func(t string) bool { return strings.HasPrefix(t, "pmix") }) {
		h.add("slurm", "mpi", Good, says, "")
		return
	}
	h.add("slurm", "mpi", Unknown, says+", not pmix", "an Open MPI that needs PMIx starts with launcher: mpirun; MPICH can take pmi2")
}
