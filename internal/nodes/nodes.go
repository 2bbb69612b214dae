// Package nodes tells what classes of nodes a cluster has, and what their CPUs
// are; asked to, it has them looked at, and tells all users of the machine.
//
// It promises that nothing is learnt from CPUs that are faked.
package nodes

import (
	"cmp"
	"context"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/agent"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/probe"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Question is what is to be told.
type Question struct {
	Client    *slurm.Client
	Project   rundir.Project
	Getenv    func(string) string
	Partition string // "" is all
	Probe     bool   // run one short job a class
	Timeout   time.Duration
	Publish   bool // leave what is known where all users of the machine look
	// Probed is called for each class whose probe is settled, out of so many.
	Probed func(r probe.Result, of int)
}

// Answer is what there is.
type Answer struct {
	Classes   []cluster.Class
	Published string // the file, if it was asked for
}

// Ask answers the question.
func (q Question) Ask(ctx context.Context) (out Answer, err error) {
	conf, err := site.Load(q.Getenv)
	if err != nil {
		return out, err
	}
	if q.Probe && agent.Faked(q.Getenv(cpuflags.EnvCPUInfo)) {
		return out, fault.New(cpuflags.EnvCPUInfo+" is set: the CPUs that probes see would not be the nodes' own, and nothing is learnt from them", "unset it")
	}
	all, partition, err := submit.Inventory(ctx, q.Client)
	if err != nil {
		return out, err
	}
	if q.Partition != "" {
		if all, err = cluster.Eligible(all, cluster.Place{Partition: q.Partition}, ""); err != nil {
			return out, err
		}
		partition = q.Partition
	}
	k, err := probe.Knowledge(ctx, q.Client, q.Project, conf)
	if err != nil {
		return out, err
	}
	out.Classes = cluster.Classes(all, k)
	if q.Probe {
		if err := q.probe(ctx, conf, all, partition, out.Classes); err != nil {
			return out, err
		}
		if k, err = probe.Knowledge(ctx, q.Client, q.Project, conf); err != nil {
			return out, err
		}
		out.Classes = cluster.Classes(all, k)
	}
	if q.Publish {
		out.Published, _, err = probe.Publish(ctx, q.Client, k)
	}
	return out, err
}

// probe asks every class.
func (q Question) probe(ctx context.Context, conf *site.Config, all []slurm.Node, partition string, classes []cluster.Class) error {
	options, _, err := conf.Apply(sbatch.Options{})
	if err != nil {
		return err
	}
	if own, ok := options.Get("partition"); ok && q.Partition == "" {
		partition = own
	}
	p := probe.Prober{Client: q.Client, Project: q.Project, Nodes: all, Partition: partition, Options: options,
		Timeout: cmp.Or(q.Timeout, conf.Probe.Timeout), Done: func(r probe.Result) { q.Probed(r, len(classes)) }}
	return p.Run(ctx, classes)
}
