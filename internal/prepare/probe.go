package prepare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/slurm"
)

// ProbeResult is what became of the probe of one class.
type ProbeResult struct {
	Class cluster.Class
	Node  string
	JobID int64
	Err   error // nil: the node answered
}

// ErrNoAnswer says that a node did not answer in time.
var ErrNoAnswer = errors.New("no answer in time")

// Probe runs one short job on a node of every class and learns what CPU it has.
// A class that does not answer within timeout is reported, and its job
// cancelled. done is told about each class as it is settled.
func Probe(ctx context.Context, c *slurm.Client, p runs.Project, classes []cluster.Class, states map[string]slurm.Node, timeout time.Duration, done func(ProbeResult)) error {
	if err := p.Make(); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program's own file: %w", err)
	}
	agent, err := p.SharedAgent(exe)
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, class := range classes {
		wg.Go(func() {
			r := probeClass(ctx, c, p, agent, class, pick(class, states))
			mu.Lock()
			defer mu.Unlock()
			done(r)
		})
	}
	wg.Wait()
	return nil
}

// pick chooses the node of a class that is likeliest to answer soon.
func pick(class cluster.Class, states map[string]slurm.Node) string {
	best, rank := class.Nodes[0], 9
	for _, name := range class.Nodes {
		n := states[name]
		r := 3
		switch {
		case !n.Usable():
			r = 4
		case n.State == "idle":
			r = 0
		case n.State == "mixed":
			r = 1
		case n.State == "allocated":
			r = 2
		}
		if r < rank {
			best, rank = name, r
		}
	}
	return best
}

func probeClass(ctx context.Context, c *slurm.Client, p runs.Project, agent string, class cluster.Class, node string) ProbeResult {
	r := ProbeResult{Class: class, Node: node}
	answer := filepath.Join(p.Learnt(), node+".json")
	before := seenAt(answer)
	script := fmt.Sprintf("#!/bin/sh\nexec %s probe %s\n", proc.Quote(agent), proc.Quote(p.Learnt()))
	args := []string{"--job-name=nixbatch-probe", "--nodes=1", "--ntasks=1", "--time=2", "--nodelist=" + node,
		"--output=/dev/null", "--comment=nixbatch:probe"}
	if len(class.Partitions) > 0 {
		args = append(args, "--partition="+class.Partitions[0])
	}
	id, err := c.Submit(ctx, []byte(script), args...)
	if err != nil {
		r.Err = err
		return r
	}
	r.JobID = id.ID
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if at := seenAt(answer); at.After(before) {
			withFeatures(answer, class)
			return r
		}
		select {
		case <-ctx.Done():
			r.Err = ErrNoAnswer
			// Nobody waits for it any more; one that ended meanwhile is fine.
			if err := c.Cancel(context.WithoutCancel(ctx), id.String()); err != nil {
				r.Err = fmt.Errorf("%w, and its job %d could not be cancelled: %w", ErrNoAnswer, id.ID, err)
			}
			return r
		case <-tick.C:
		}
	}
}

func seenAt(path string) time.Time {
	var l record.Learnt
	if record.Read(path, &l) != nil {
		return time.Time{}
	}
	return l.Seen
}

// withFeatures adds what Slurm says of the class: the node does not know it.
func withFeatures(path string, class cluster.Class) {
	var l record.Learnt
	if record.Read(path, &l) == nil {
		l.Features = class.Features
		_ = record.Replace(path, l)
	}
}
