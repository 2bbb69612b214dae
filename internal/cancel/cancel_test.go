package cancel_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/cancel"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/slurmtest"
)

// sent is a run that waits in the queue of a Slurm in memory.
func sent(t *testing.T) (rundir.Run, *slurmtest.Fake, *slurm.Client) {
	t.Helper()
	fake := &slurmtest.Fake{NodeList: []slurm.Node{{Name: "n1", Partitions: []string{"main"}, State: "idle"}}}
	client := &slurm.Client{Runner: fake, Env: []string{"SLURM_CLUSTERS=here"}}
	r := runtest.Create(t, t.TempDir())
	if _, err := ledger.Submit(t.Context(), r, client, runtest.About(), []facts.Call{{Count: 1, Options: []string{"--hold"}}}); err != nil {
		t.Fatal(err)
	}
	return r, fake, client
}

// scancels are the ids that scancel was called with.
func scancels(fake *slurmtest.Fake) (ids []string) {
	for _, c := range fake.Calls() {
		if c.Name == "scancel" {
			ids = append(ids, c.Args...)
		}
	}
	return ids
}

// A job that the queue shows to be the run's is told to end, and that is written
// down; once it is over, nobody is told again.
func TestCancel(t *testing.T) {
	r, fake, client := sent(t)
	out, err := cancel.Run(t.Context(), client, r, -1, runtest.About())
	if err != nil || out.Word != cancel.Cancelled || !slices.Equal(out.Jobs, []string{"1"}) || out.Unwritten != nil {
		t.Fatalf("%+v, %v", out, err)
	}
	told := scancels(fake)
	if !slices.Contains(told, "1") {
		t.Errorf("scancel %q", told)
	}
	out, err = cancel.Run(t.Context(), client, r, -1, runtest.About())
	if err != nil || out.Word != cancel.Over || out.Status.State != slurm.Cancelled || len(out.Jobs) != 0 {
		t.Errorf("once more: %+v, %v", out, err)
	}
	if again := scancels(fake); !slices.Equal(again, told) {
		t.Errorf("once more: scancel %q", again)
	}
}

// A job of somebody else's under the run's number is left alone, and nothing is
// said to be cancelled.
func TestAnothersJob(t *testing.T) {
	r := runtest.Sent(t)
	fake := &slurmtest.Fake{NodeList: []slurm.Node{{Name: "n1", Partitions: []string{"main"}, State: "idle"}}}
	client := &slurm.Client{Runner: fake, Env: []string{"SLURM_CLUSTERS=" + runtest.Cluster}}
	for range 7 { // the last is job 7
		if _, err := client.Submit(t.Context(), []byte("#!/bin/sh\nexit 0\n"), "--comment=another"); err != nil {
			t.Fatal(err)
		}
	}
	out, err := cancel.Run(t.Context(), client, r, -1, runtest.About())
	if err == nil && out.Word == cancel.Cancelled || len(out.Jobs) > 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if told := scancels(fake); len(told) > 0 {
		t.Errorf("scancel %q", told)
	}
}

// On another cluster nothing is asked and nothing told.
func TestElsewhere(t *testing.T) {
	r, fake, _ := sent(t)
	other := &slurm.Client{Runner: fake, Env: []string{"SLURM_CLUSTERS=there"}}
	out, err := cancel.Run(t.Context(), other, r, -1, runtest.About())
	if fault.KindOf(err, ledger.KindOf) != fault.Slurm || !strings.Contains(err.Error(), "here") {
		t.Errorf("%+v, %v", out, err)
	}
	if told := scancels(fake); len(told) > 0 {
		t.Errorf("scancel %q", told)
	}
}
