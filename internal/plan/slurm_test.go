package plan_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// What constrain writes, asked of real Slurm: it takes exactly the nodes meant,
// and jobs land nowhere else.
func TestConstrainOnSlurm(t *testing.T) {
	bed := testbed.ForTest(t)
	client := &slurm.Client{Env: bed.Env()}
	ctx := context.Background()
	nodes, err := client.Nodes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]string{"hsw": "haswell", "skx": "skylake-sp", "zen": "zen4"}
	for _, c := range []struct{ name, options, want string }{
		{"the best", "", "zen[1-2]"},
		{"more nodes", "nodes: 3", "skx[1-2],zen[1-2]"},
		{"the user's alternatives", "constraint: haswell|skylake_avx512", "skx[1-2]"},
		{"the user's parentheses", "constraint: avx512&(zen4|skylake_avx512); nodes: 2", "zen[1-2]"},
		{"the user's brackets", "constraint: '[haswell|skylake_avx512]'", "skx[1-2]"},
		{"the user's exclude", "exclude: zen[1-2]", "skx[1-2]"},
	} {
		s := job(t, "packages: [rhf]; strategy: constrain", strings.TrimPrefix(c.options+"; partition: main", "; "))
		kept, err := cluster.Eligible(nodes, cluster.PlaceOf(s.Slurm), "")
		if err != nil {
			t.Fatal(err)
		}
		cs := cluster.Classes(kept, nil)
		for i := range cs {
			cs[i].Known = &cluster.Known{CPU: cpu(t, has[cs[i].Nodes[0][:3]]), From: "probe"}
		}
		p, err := plan.Make(input(t, s, cs))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want, err := hostlist.Expand(c.want)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := p.Slurm.Lines()
		if err != nil {
			t.Fatal(err)
		}
		script := "#!/bin/sh\n" + strings.Join(lines, "\n") + "\ntrue\n"
		if !strings.Contains(c.options, "[") || strings.Contains(c.options, "exclude") { // --test-only does not look into brackets
			for _, n := range bed.NodeNames() {
				_, err := proc.System{}.Run(ctx, proc.Cmd{Path: "sbatch", Env: bed.Env(), Stdin: strings.NewReader(script),
					Args: []string{"--test-only", "--nodes=1", "--nodelist=" + n}})
				if takes := err == nil; takes != slices.Contains(want, n) {
					t.Errorf("%s: Slurm takes %s: %v (%v)", c.name, n, takes, lines)
				}
			}
		}
		ids := make([]string, 3)
		for i := range ids {
			id, err := client.Submit(ctx, []byte(script), "--exclusive", "--output=/dev/null", "--time=60")
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			ids[i] = id.String()
		}
		for _, j := range waitFor(t, client, ids) {
			on, err := hostlist.Expand(j.Nodes)
			if err != nil || j.State != slurm.Completed || len(on) == 0 {
				t.Errorf("%s: %+v", c.name, j)
			}
			for _, n := range on {
				if !slices.Contains(want, n) {
					t.Errorf("%s: landed on %s, meant are %s", c.name, j.Nodes, c.want)
				}
			}
		}
	}
}

// waitFor waits until all jobs are over.
func waitFor(t *testing.T, c *slurm.Client, ids []string) []slurm.Job {
	t.Helper()
	for {
		jobs, err := c.Queue(context.Background(), slurm.Query{IDs: ids})
		if err != nil || len(jobs) != len(ids) {
			t.Fatalf("%d jobs of %d, %v", len(jobs), len(ids), err)
		}
		if !slices.ContainsFunc(jobs, func(j slurm.Job) bool { return !j.State.Final() }) {
			return jobs
		}
		// squeue is asked again: the only way to learn of an end without accounting.
	}
}
