package slurmtest

import (
	"context"
	"errors"
	"testing"

	"github.com/nixbatch/nixbatch/slurm"
)

func newFake() *Fake {
	return &Fake{NodeList: []slurm.Node{
		{Name: "fake1", Partitions: []string{"main", "all"}, State: "idle", Sockets: 1, Cores: 4, Threads: 1, CPUs: 4, MemoryMiB: 1000, Features: []string{"haswell", "ib"}, Active: []string{"haswell", "ib"}},
		{Name: "fake2", Partitions: []string{"main"}, State: "drained", Marks: "*", Sockets: 1, Cores: 4, Threads: 1, CPUs: 4, MemoryMiB: 1000},
		{Name: "big1", Partitions: []string{"all"}, State: "idle", Sockets: 2, Cores: 8, Threads: 2, CPUs: 32, MemoryMiB: 2000, Features: []string{"zen4"}, Active: []string{"zen4"}},
	}}
}

func TestFakeConforms(t *testing.T) {
	for name, set := range map[string]func(*Fake){
		"NoAccounting": func(*Fake) {},
		"Accounting":   func(f *Fake) { f.Accounting = true },
	} {
		t.Run(name, func(t *testing.T) {
			Conformance(t, func(t *testing.T) Cluster {
				f := newFake()
				set(f)
				return Cluster{Client: &slurm.Client{Runner: f, Env: []string{}}, Partition: "main",
					Nodes: []string{"fake1", "fake2"}, Node: "fake1", Feature: "haswell"}
			})
		})
	}
}

// A site's banner around the id: which line is the id cannot be told, and the
// job has to be found.
func TestFakeBanner(t *testing.T) {
	f := newFake()
	f.Banner = "*** welcome to cluster 7 ***\n2026\n"
	c := &slurm.Client{Runner: f, Env: []string{}}
	_, err := c.Submit(context.Background(), []byte("#!/bin/sh\n#SBATCH --comment=tok-1\n"))
	var se *slurm.SubmitError
	if !errors.As(err, &se) || !se.Ambiguous || se.Permanent {
		t.Fatalf("got %v, want an ambiguous error", err)
	}
	if ids, err := c.FindByComment(context.Background(), "tok-1"); err != nil || len(ids) != 1 || ids[0].ID != 1 {
		t.Errorf("found %v, %v", ids, err)
	}
}

// A lost answer: sbatch fails, and the job is there. It has to be found.
func TestFakeSubmitFault(t *testing.T) {
	f := newFake()
	f.SubmitFault = func(int64) string {
		return "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
	}
	c := &slurm.Client{Runner: f, Env: []string{}}
	_, err := c.Submit(context.Background(), []byte("#!/bin/sh\n#SBATCH --comment=tok-1\n"))
	var se *slurm.SubmitError
	if !errors.As(err, &se) || !se.Ambiguous || se.Permanent {
		t.Fatalf("got %v, want an ambiguous error", err)
	}
	if ids, err := c.FindByComment(context.Background(), "tok-1"); err != nil || len(ids) != 1 || ids[0].ID != 1 {
		t.Errorf("found %v, %v", ids, err)
	}
}

func TestFakeRefusesWhatItDoesNotKnow(t *testing.T) {
	f := newFake()
	c := &slurm.Client{Runner: f, Env: []string{}}
	if _, err := c.Submit(context.Background(), []byte("#!/bin/sh\n#SBATCH --nonsense=1\n")); err == nil {
		t.Error("an unknown option was accepted")
	}
	if len(f.Calls()) != 1 {
		t.Errorf("%d calls noted, want 1", len(f.Calls()))
	}
}
