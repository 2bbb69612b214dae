package sbatch_test

import (
	"testing"

	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

func TestMemory(t *testing.T) {
	for _, name := range []string{"mem", "mem-per-cpu", "mem-per-gpu"} {
		o := sbatch.Options{{"nodes", "1"}, {name, "1G"}}
		if m, ok := o.Memory(); !ok || m != o[1] || !sbatch.IsMemory(name) {
			t.Errorf("%s: %+v, %v", name, m, ok)
		}
	}
	if m, ok := (sbatch.Options{{"mem-bind", "local"}, {"nodes", "1"}}).Memory(); ok {
		t.Errorf("found %+v", m)
	}
}
