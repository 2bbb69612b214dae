package submit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/probetest"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

// asking counts the calls of sinfo.
type asking struct {
	slurm.OnPath
	sinfo atomic.Int32
}

func (a *asking) Run(ctx context.Context, c slurm.Command) (slurm.Output, error) {
	if c.Name == "sinfo" {
		a.sinfo.Add(1)
	}
	return a.OnPath.Run(ctx, c)
}

// Plans of one minute ask sinfo once; what no plan can be made from, what is
// damaged, and what another configuration said is asked again.
func TestInventoryIsRemembered(t *testing.T) {
	pkgs, err := filepath.Abs("../../examples/minipkgs")
	if err != nil {
		t.Fatal(err)
	}
	probetest.NewScene(t, testbed.ForTest(t)) // its working directory is the project's
	job := fmt.Sprintf("name: x\nenvironment: {nixpkgs: {path: %s}, packages: [hello]}\nslurm: {partition: short, mem: 50M, time: 5}\nrun: hello\n", pkgs)
	if err := os.WriteFile("job.yaml", []byte(job), 0o600); err != nil {
		t.Fatal(err)
	}
	// Configuration that can be changed, and is the cluster's own.
	conf, err := os.ReadFile(os.Getenv("SLURM_CONF"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := filepath.Abs("slurm.conf")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, conf, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLURM_CONF", own)
	count, now := &asking{}, time.Now()
	memory := filepath.Join(".nixbatch", "inventory.json")
	var first []plan.Class
	planned := func(what string, asked int32) {
		t.Helper()
		before := count.sinfo.Load()
		j, err := submit.Load("job.yaml", submit.Options{Runner: proc.System{}, Environ: os.Environ(),
			Client: &slurm.Client{Runner: count, Env: os.Environ()}, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		p, err := j.MakePlan(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if first == nil {
			first = p.Plan.Classes
		}
		if n := count.sinfo.Load() - before; n != asked || cmp.Diff(first, p.Plan.Classes) != "" {
			t.Errorf("%s: sinfo was asked %d times, want %d\n%s", what, n, asked, cmp.Diff(first, p.Plan.Classes))
		}
	}
	edit := func(re, by string) {
		t.Helper()
		data, err := os.ReadFile(memory)
		if err != nil {
			t.Fatal(err)
		}
		changed := regexp.MustCompile(re).ReplaceAll(data, []byte(by))
		if string(changed) == string(data) {
			t.Fatalf("%s is not in %s", re, data)
		}
		if err := os.WriteFile(memory, changed, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	planned("first", 1)
	planned("again", 0)
	now = now.Add(59 * time.Second)
	planned("within a minute", 0)
	now = now.Add(2 * time.Second)
	planned("after a minute", 1)
	now = now.Add(-time.Hour)
	planned("the clock was set back", 1)
	edit(`"short"`, `"gone"`)
	planned("the partition was made since", 1)
	edit(`"MemoryMiB":[0-9]+`, `"MemoryMiB":2`)
	planned("the nodes were made larger since", 1)
	edit(`inventory/v1`, `inventory/v0`)
	planned("another version's", 1)
	if err := os.WriteFile(memory, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	planned("damaged", 1)
	if err := os.Chtimes(own, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	planned("the configuration was changed", 1)
	planned("and again", 0)
}
