package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/agent"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/probe"
	"github.com/nixbatch/nixbatch/internal/rundir"
	sitefile "github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
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
				return &usageError{fmt.Sprintf("nixbatch nodes takes one partition, got %d arguments", c.NArg()), "nixbatch nodes main"}
			}
			if c.IsSet("timeout") && c.Duration("timeout") <= 0 {
				return &usageError{fmt.Sprintf("--timeout takes a time to wait, got %s", c.Duration("timeout")), durationWay}
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
		return &usageError{cpuflags.EnvCPUInfo + " is set: the CPUs that probes see would not be the nodes' own, and nothing is learnt from them", "unset it"}
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
	out := nodesReport{Schema: "nixbatch/nodes/v1"}
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
		fmt.Fprintf(n.s.Err, "published in %s\n", out.Published)
	}
	if asJSON {
		out.describe(classes)
		err = ui.PrintJSON(n.s.Out, out)
	} else {
		printNodes(n.s, classes)
	}
	if err == nil && n.silent > 0 {
		return &quietError{exitSlurm}
	}
	return err
}

// probe asks every class and tells about each as it is settled.
func (n *nodesRun) probe(ctx context.Context, partition string, classes []cluster.Class) ([]probeJSON, error) {
	options, _, err := n.conf.Apply(slurm.Options{})
	if err != nil {
		return nil, err
	}
	if own, ok := options.Get("partition"); ok && n.partition == "" {
		partition = own
	}
	p := probe.Prober{Client: n.client, Project: n.project, Nodes: n.nodes, Partition: partition, Options: options,
		Timeout: cmp.Or(n.timeout, n.conf.Probe.Timeout)}
	told := []probeJSON{}
	p.Done = func(r probe.Result) {
		j := probeJSON{Nodes: r.Class.Hosts(), Node: r.Node, JobID: r.JobID, Answered: r.Err == nil}
		word := "answered"
		if r.Err != nil {
			n.silent++
			j.Error = r.Err.Error()
			word = j.Error
		}
		told = append(told, j)
		fmt.Fprintf(n.s.Err, "probe %d of %d: %s of %s: %s\n", len(told), len(classes), r.Node, j.Nodes, word)
	}
	err = p.Run(ctx, classes)
	return told, err
}

type nodesReport struct {
	Schema  string      `json:"schema"`
	Classes []classJSON `json:"classes"`
	// Level and Arch are what every node can run; "" while some are unknown.
	Level string `json:"shared_level"`
	Arch  string `json:"shared_arch"`
	// Probes is what became of each class that --probe asked.
	Probes    []probeJSON `json:"probes,omitempty"`
	Published string      `json:"published,omitempty"` // the file that --publish wrote
}

type probeJSON struct {
	Nodes    string `json:"nodes"` // the class, a host list
	Node     string `json:"node"`  // the one that was asked
	JobID    int64  `json:"job_id,omitempty"`
	Answered bool   `json:"answered"`
	Error    string `json:"error,omitempty"`
}

type classJSON struct {
	Nodes      string           `json:"nodes"`
	Count      int              `json:"count"`
	Partitions []string         `json:"partitions"`
	Sockets    int              `json:"sockets"`
	Cores      int              `json:"cores_per_socket"`
	Threads    int              `json:"threads_per_core"`
	MemoryMiB  int64            `json:"memory_mib"`
	Features   []string         `json:"features"`
	Active     []string         `json:"active_features"`
	From       string           `json:"cpu_from,omitempty"`
	Seen       *time.Time       `json:"cpu_seen,omitempty"`
	CPU        *cpuflags.Report `json:"cpu,omitempty"`
}

func (out *nodesReport) describe(classes []cluster.Class) {
	out.Classes = []classJSON{}
	for _, c := range classes {
		j := classJSON{Nodes: c.Hosts(), Count: len(c.Nodes), Partitions: c.Partitions, Sockets: c.Sockets, Cores: c.Cores,
			Threads: c.Threads, MemoryMiB: c.MemoryMiB, Features: c.Features, Active: c.Active}
		if c.Known != nil {
			r := cpuflags.NewReport(c.Known.CPU, cpuflags.Limits{})
			j.CPU, j.From = &r, c.Known.From
			if !c.Known.Seen.IsZero() {
				j.Seen = &c.Known.Seen
			}
		}
		out.Classes = append(out.Classes, j)
	}
	if best, ok := shared(classes); ok {
		out.Level, out.Arch = best.Level, best.Arch
	}
}

// shared is the best that every node can run; not ok while some are unknown.
func shared(classes []cluster.Class) (cpuflags.Choice, bool) {
	var cpus []cpuflags.CPU
	for _, c := range classes {
		if c.Known == nil {
			return cpuflags.Choice{}, false
		}
		cpus = append(cpus, c.Known.CPU)
	}
	return cpuflags.BestCommon(cpus, cpuflags.Limits{}), len(cpus) > 0
}

func printNodes(s Streams, classes []cluster.Class) {
	t := ui.Table(s.Out)
	fmt.Fprintln(t, "NODES\tCOUNT\tPARTITIONS\tS×C×T\tMEMORY\tFEATURES\tCPU\tFROM\tAGE\tLEVEL\tARCH")
	unknown := 0
	for _, c := range classes {
		cpu, from, age, level, arch := "unknown", "-", "-", "-", "generic"
		if c.Known != nil {
			best := cpuflags.Best(c.Known.CPU, cpuflags.Limits{})
			cpu, from, level, arch = c.Known.CPU.Name, c.Known.From, best.Level, best.Arch
			if !c.Known.Seen.IsZero() {
				age = ui.Age(time.Since(c.Known.Seen))
			}
		} else {
			unknown += len(c.Nodes)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Hosts(), len(c.Nodes), strings.Join(c.Partitions, ","), c.Layout(),
			ui.Bytes(c.MemoryMiB<<20), strings.Join(c.Features, ","), cpu, from, age, level, arch)
	}
	t.Flush()
	if best, ok := shared(classes); ok {
		fmt.Fprintf(s.Out, "\nevery node can run %s (level %s)\n", best.Arch, best.Level)
	}
	if unknown > 0 {
		fmt.Fprintf(s.Out, "\nnothing is known of the CPUs of %d nodes: nixbatch nodes --probe asks them\n", unknown)
	}
}
