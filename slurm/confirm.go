package slurm

import (
	"context"
	"fmt"
	"slices"
)

// Confirmed is a job, or a task of one, that Slurm has just shown to be the one
// that is meant. Only a look at Slurm makes one (Confirm, Look), and only what
// is confirmed can be acted on.
type Confirmed struct {
	id   string
	ref  JobRef
	seen Job
}

// ID is what scancel takes: 12, or 12_3.
func (c Confirmed) ID() string { return c.id }

// Ref is the job.
func (c Confirmed) Ref() JobRef { return c.ref }

// Job is what squeue showed.
func (c Confirmed) Job() Job { return c.seen }

// ElsewhereError says that a job is on another cluster than the one that
// Slurm's commands speak to here.
type ElsewhereError struct {
	What    string // what is there: "job 12"
	Cluster string // where it is
	Here    string // who is spoken to
}

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("%s is on cluster %s, and this shell speaks to cluster %s", e.What, e.Cluster, e.Here)
}

// Hint is the way out.
func (e *ElsewhereError) Hint() string {
	return "go to a shell of cluster " + e.Cluster + ": SLURM_CONF, SLURM_CLUSTERS or a module decide which one it speaks to"
}

// Confirm looks for jobs in the queue. Those that are there, and are the ones
// meant, are returned; a number that is another's, or that the controller has
// forgotten, is left out. A job of another cluster is an *ElsewhereError, and
// nothing was looked at.
func (c *Client) Confirm(ctx context.Context, wants ...Wanted) ([]Confirmed, error) {
	var ids []string
	for _, w := range wants {
		if w.Cluster != "" {
			here, err := c.Cluster(ctx)
			if err != nil {
				return nil, err
			}
			if here != w.Cluster {
				return nil, &ElsewhereError{"job " + w.id(), w.Cluster, here}
			}
		}
		ids = append(ids, w.id())
	}
	if len(ids) == 0 {
		return nil, nil
	}
	jobs, err := c.Queue(ctx, Query{IDs: ids})
	if err != nil {
		return nil, err
	}
	if err := c.Unclear(ctx, jobs, wants...); err != nil {
		return nil, err
	}
	var out []Confirmed
	for _, w := range wants {
		i := slices.IndexFunc(jobs, func(j Job) bool {
			return j.Array == w.ID && (w.Task < 0 || j.Task == w.Task) && w.Is(j.Sight())
		})
		if i >= 0 {
			out = append(out, confirmed(w.Cluster, w.id(), jobs[i]))
		}
	}
	return out, nil
}

// Look returns the jobs and tasks of the queue that a query and is choose.
func (c *Client) Look(ctx context.Context, q Query, is func(Job) bool) ([]Confirmed, error) {
	jobs, err := c.Queue(ctx, q)
	if err != nil {
		return nil, err
	}
	var out []Confirmed
	for _, j := range jobs {
		if is(j) {
			out = append(out, confirmed("", j.Ref, j))
		}
	}
	return out, nil
}

func confirmed(cluster, id string, j Job) Confirmed {
	return Confirmed{id, JobRef{Cluster: cluster, ID: j.Array, Submitted: j.Submit, User: j.User}, j}
}
