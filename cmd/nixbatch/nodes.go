package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/agent"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/probe"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/screen"
	sitefile "github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

func nodesCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "nodes", Usage: "classes of nodes, and the build each would run", ArgsUsage: "[PARTITION]",
		Description: "Nodes that Slurm describes alike are one class. What their CPUs are is learnt from every job's start, and from\n" +
			"--probe; where nothing was seen, the site's map of features tells (docs/site.md). Exit codes: 0 done, 2 no such partition, 4 Slurm could not be asked, or a probe was not answered.",
		Flags: []cli.Flag{jsonFlag(),
			&cli.BoolFlag{Name: "probe", Usage: "run one short job a class to learn its CPU"},
			&cli.DurationFlag{Name: "timeout", Usage: "how long to wait for probes; the site's, else 2m"},
			&cli.BoolFlag{Name: "publish", Usage: "write what is known to where all users of this machine look (for admins)"}},
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return fault.New(fmt.Sprintf("nixbatch nodes takes one partition, got %d arguments", c.NArg()), "nixbatch nodes main")
			}
			if c.IsSet("timeout") && c.Duration("timeout") <= 0 {
				return fault.New(fmt.Sprintf("--timeout takes a time to wait, got %s", c.Duration("timeout")), durationWay)
			}
			n := &nodesRun{s: s, client: newClient(), partition: c.Args().First(), timeout: c.Duration("timeout")}
			return n.run(c.Context, c.Bool("probe"), c.Bool("publish"), c.Bool("json"))
		},
	}
}

// nodesRun is one call of the command.
type nodesRun struct {
	s         Streams
	client    *slurm.Client
	partition string
	timeout   time.Duration
	conf      *sitefile.Config
	project   rundir.Project
	nodes     []slurm.Node
	silent    int // classes whose probe was not answered
}

func (n *nodesRun) run(ctx context.Context, asking, publish, asJSON bool) (err error) {
	if n.conf, err = sitefile.Load(os.Getenv); err != nil {
		return err
	}
	if n.project, err = here(); err != nil {
		return err
	}
	if asking && agent.Faked(os.Getenv(cpuflags.EnvCPUInfo)) {
		return fault.New(cpuflags.EnvCPUInfo+" is set: the CPUs that probes see would not be the nodes' own, and nothing is learnt from them", "unset it")
	}
	def := ""
	if n.nodes, def, err = submit.Inventory(ctx, n.client); err != nil {
		return err
	}
	if n.partition != "" {
		if n.nodes, err = cluster.Eligible(n.nodes, cluster.Request{Partition: n.partition}, ""); err != nil {
			return err
		}
		def = n.partition
	}
	k, err := probe.Knowledge(ctx, n.client, n.project, n.conf)
	if err != nil {
		return err
	}
	classes := cluster.Classes(n.nodes, k)
	out := ui.Nodes{Schema: ui.NodesSchema}
	if asking {
		if out.Probes, err = n.probe(ctx, def, classes); err != nil {
			return err
		}
		if k, err = probe.Knowledge(ctx, n.client, n.project, n.conf); err != nil {
			return err
		}
		classes = cluster.Classes(n.nodes, k)
	}
	if publish {
		if out.Published, _, err = probe.Publish(ctx, n.client, k); err != nil {
			return err
		}
		screen.Printf(n.s.Err, "published in %s\n", out.Published)
	}
	if asJSON {
		out.Describe(classes)
		err = ui.PrintJSON(n.s.Out, out)
	} else {
		ui.PrintNodes(n.s.Out, classes)
	}
	if err == nil && n.silent > 0 {
		return &quietError{exitSlurm}
	}
	return err
}

// probe asks every class and tells about each as it is settled.
func (n *nodesRun) probe(ctx context.Context, partition string, classes []cluster.Class) ([]ui.Probe, error) {
	options, _, err := n.conf.Apply(sbatch.Options{})
	if err != nil {
		return nil, err
	}
	if own, ok := options.Get("partition"); ok && n.partition == "" {
		partition = own
	}
	p := probe.Prober{Client: n.client, Project: n.project, Nodes: n.nodes, Partition: partition, Options: options,
		Timeout: cmp.Or(n.timeout, n.conf.Probe.Timeout)}
	told := []ui.Probe{}
	p.Done = func(r probe.Result) {
		j := ui.Probe{Nodes: r.Class.Hosts(), Node: r.Node, JobID: r.JobID, Answered: r.Err == nil}
		word := "answered"
		if r.Err != nil {
			n.silent++
			j.Error = r.Err.Error()
			word = j.Error
		}
		told = append(told, j)
		screen.Printf(n.s.Err, "probe %d of %d: %s of %s: %s\n", len(told), len(classes), r.Node, j.Nodes, word)
	}
	err = p.Run(ctx, classes)
	return told, err
}
