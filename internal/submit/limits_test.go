package submit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/slurm"
)

// configured is a Slurm that tells its configuration.
type configured struct {
	arrays int
	asked  *[]int
}

func (c configured) Run(_ context.Context, cmd slurm.Command) (slurm.Output, error) {
	if cmd.Name != "scontrol" {
		return slurm.Output{}, fmt.Errorf("nobody answers %s", cmd)
	}
	*c.asked = append(*c.asked, c.arrays)
	return slurm.Output{Stdout: fmt.Appendf(nil, "MaxArraySize            = %d\n", c.arrays)}, nil
}

// What is remembered of one cluster says nothing of another, however a shell is
// told which one to speak to.
func TestArrayLimitIsTheClusters(t *testing.T) {
	for _, name := range []string{"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_CONF_SERVER"} {
		t.Setenv(name, "")
	}
	p, err := rundir.Near(t.TempDir())
	if err := errors.Join(err, os.MkdirAll(p.Dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	var asked []int
	now := time.Now()
	limit := func(arrays int) int {
		return submit.ArrayLimit(t.Context(), &slurm.Client{Runner: configured{arrays, &asked}}, p, now)
	}
	for n, name := range []string{"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_CONF_SERVER"} {
		t.Setenv(name, "elsewhere")
		for range 2 {
			if got := limit(100 + n); got != 100+n {
				t.Errorf("%s: %d", name, got)
			}
		}
	}
	if !slices.Equal(asked, []int{100, 101, 102}) {
		t.Errorf("asked %v", asked)
	}
}
