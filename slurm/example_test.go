package slurm_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/slurmtest"
)

// A script is handed in, and asked for until it is over. The Fake answers here;
// a Client without a Runner asks the cluster.
func Example() {
	fake := &slurmtest.Fake{NodeList: []slurm.Node{{Name: "n1", Partitions: []string{"main"}, State: "idle"}}}
	client := slurm.Client{Runner: fake}
	ctx := context.Background()

	id, err := client.Submit(ctx, []byte("#!/bin/sh\nexit 0\n"), "--time=5")
	if err != nil {
		fmt.Println(err)
		return
	}
	for state := slurm.Pending; !state.Final(); {
		jobs, err := client.Queue(ctx, slurm.Query{IDs: []string{id.String()}})
		if err != nil || len(jobs) == 0 { // gone from the queue is not completed
			fmt.Println("unknown:", err)
			return
		}
		state = jobs[0].State
		fmt.Println(state)
	}
	// Output:
	// pending
	// running
	// completed
}

// A submission that failed is not always one that was refused: a job whose fate
// is not known has to be looked for before anything is submitted again.
func ExampleSubmitError() {
	fake := &slurmtest.Fake{NodeList: []slurm.Node{{Name: "n1", Partitions: []string{"main"}, State: "idle"}},
		SubmitFault: func(int64) string {
			return "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
		}}
	client := slurm.Client{Runner: fake}
	ctx := context.Background()

	_, err := client.Submit(ctx, []byte("#!/bin/sh\nexit 0\n"), "--comment=run-7")
	var failed *slurm.SubmitError
	if errors.As(err, &failed) && failed.Ambiguous {
		ids, err := client.FindByComment(ctx, "run-7")
		fmt.Println("it was accepted:", ids, err)
	}
	// Output: it was accepted: [1] <nil>
}

func ExampleParseTime() {
	d, err := slurm.ParseTime("1-12")
	fmt.Println(d, err)
	fmt.Println(slurm.FormatTime(d))
	// Output:
	// 36h0m0s <nil>
	// 1-12:00:00
}

func ExampleParseNodes() {
	least, most, err := slurm.ParseNodes("2-4")
	fmt.Println(least, most, err)
	// Output: 2 4 <nil>
}

func ExampleParseState() {
	for _, word := range []string{"CANCELLED by 1000", "OUT_OF_ME+", "COMPLET+"} {
		fmt.Println(slurm.ParseState(word))
	}
	// Output:
	// cancelled
	// out-of-memory
	// unknown
}

func ExampleParseReason() {
	r := slurm.ParseReason("(ReqNodeNotAvail,_UnavailableNodes:n[1-2])")
	fmt.Println(r.Code)
	fmt.Println(r.Waiting())
	fmt.Println(r.Detail)
	// Output:
	// ReqNodeNotAvail
	// nodes that it needs are down, drained or reserved
	// UnavailableNodes:n[1-2]
}
