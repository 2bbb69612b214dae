package cluster_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

// A job whose counts ask for more than the node list names gets other nodes
// too, as real Slurm shows; so the list decides nothing then.
func TestNodelistWithCountsGetsOthers(t *testing.T) {
	bed := testbed.ForTest(t)
	client := &slurm.Client{Env: bed.Env()}
	ctx := context.Background()
	id, err := client.Submit(ctx, []byte("#!/bin/sh\nexec sleep 1000\n"), "--nodelist=skx1", "--constraint=haswell*1", "--time=60", "--output=/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		jobs, err := client.Confirm(ctx, slurm.Wanted{JobRef: id, Task: -1})
		if err == nil {
			err = client.Cancel(ctx, jobs...)
		}
		if err != nil {
			t.Error(err)
		}
	}()
	for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
		jobs, err := client.Queue(ctx, slurm.Query{IDs: []string{id.String()}})
		if err != nil || len(jobs) != 1 {
			t.Fatal(jobs, err)
		}
		if jobs[0].State == slurm.Pending {
			continue
		}
		names, err := hostlist.Expand(jobs[0].Nodes)
		if err != nil || !slices.Contains(names, "skx1") || len(names) != 2 {
			t.Fatalf("%+v, %v", jobs[0], err)
		}
		all, err := client.Nodes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := cluster.Eligible(all, cluster.Place{Partition: "main", Nodelist: "skx1", Constraint: "haswell*1", Nodes: 2}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if !slices.ContainsFunc(kept, func(n slurm.Node) bool { return n.Name == name }) {
				t.Errorf("the job runs on %s, which is not among the eligible nodes", name)
			}
		}
		return
	}
}
