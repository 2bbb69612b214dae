package slurm_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/constraint"
)

// The constraint matcher, compared with what real Slurm lets land where: each
// expression is tried on one node of every class. Expressions with brackets are
// submitted for real, since --test-only does not look into brackets (tried with
// 22.05.8); a job that is accepted is cancelled at once.
func TestConstraintAgainstSlurm(t *testing.T) {
	bed := testbed.ForTest(t)
	client := &slurm.Client{Env: bed.Env()}
	nodes, err := client.Nodes(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	exprs := []string{
		"haswell", "haswell|zen4", "avx512&zen4", "avx512,zen4", "haswell,avx2",
		// One rank, from the left: the second operator is not the weaker one.
		"zen4|avx512&haswell", "haswell&avx512|zen4", "avx2&haswell|zen4", "zen4|haswell&avx2",
		"(haswell|zen4)&avx512", "avx512&(haswell|zen4)", "(haswell|zen4)&(avx2|avx512)",
		"(avx512&zen4)|haswell", "haswell|(avx512&zen4)", "(haswell)", "haswell&", "haswell|",
		"[haswell|zen4]", "[haswell|zen4]&avx512", "avx512&[haswell|zen4]",
		"zen4&[avx512|avx2]", "[haswell*1&zen4*1]",
	}
	// Slurm 22.05 forgets the alternative behind such parentheses; its manual does
	// not. A node too many costs a build, one too few the job.
	more := []string{"[(haswell&avx2)|zen4]", "[(zen4&avx512)|haswell]"}
	for _, expr := range append(exprs, more...) {
		var want, got []string
		for _, name := range []string{"hsw1", "skx1", "zen1"} {
			if slurmTakes(t, client, name, expr) {
				want = append(want, name)
			}
			n := nodes[slices.IndexFunc(nodes, func(n slurm.Node) bool { return n.Name == name })]
			ok, err := constraint.Match(expr, n.Features, 1)
			if err != nil {
				t.Errorf("%s: %v", expr, err)
			}
			if ok {
				got = append(got, name)
			}
		}
		lacks := slices.ContainsFunc(want, func(n string) bool { return !slices.Contains(got, n) })
		if lacks || len(got) > len(want) && !slices.Contains(more, expr) {
			t.Errorf("%s: Slurm takes %v, Match says %v", expr, want, got)
		}
	}
	for _, expr := range []string{"|haswell", "()", "(haswell", "haswell||zen4", "a b&haswell)"} {
		if slurmTakes(t, client, "hsw1", expr) {
			t.Errorf("%s: Slurm takes it on hsw1", expr)
		}
		if ok, err := constraint.Match(expr, []string{"haswell", "avx2"}, 1); err == nil {
			t.Errorf("%s: Match says %v, want an error", expr, ok)
		}
	}
}

func slurmTakes(t *testing.T, c *slurm.Client, node, expr string) bool {
	t.Helper()
	args := []string{"--nodelist=" + node, "--constraint=" + expr, "--time=1", "--output=/dev/null"}
	if !strings.Contains(expr, "[") {
		_, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: "sbatch", Env: c.Env,
			Args: append(args, "--test-only"), Stdin: strings.NewReader("#!/bin/sh\ntrue\n")})
		return err == nil
	}
	id, err := c.Submit(context.Background(), []byte("#!/bin/sh\ntrue\n"), args...)
	if err != nil {
		return false
	}
	jobs, err := c.Confirm(context.Background(), slurm.Wanted{JobRef: id, Task: -1})
	if err == nil {
		err = c.Cancel(context.Background(), jobs...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}
