package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/prepare"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
)

func nodesCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "nodes", Usage: "classes of nodes, and the build each would run", ArgsUsage: "[PARTITION]",
		Description: "Nodes that Slurm describes alike are one class. What their CPUs are is learnt from every job's start, and from\n" +
			"--probe. Exit codes: 0 done, 2 no such partition, 4 Slurm could not be asked, or a probe was not answered.",
		Flags: []cli.Flag{jsonFlag(),
			&cli.BoolFlag{Name: "probe", Usage: "run one short job a class to learn its CPU"},
			&cli.DurationFlag{Name: "timeout", Usage: "how long to wait for probes", Value: 2 * time.Minute}},
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return &usageError{fmt.Sprintf("nixbatch nodes takes one partition, got %d arguments", c.NArg()), "nixbatch nodes main"}
			}
			return nodes(c.Context, s, c.Args().First(), c.Bool("probe"), c.Duration("timeout"), c.Bool("json"))
		},
	}
}

func nodes(ctx context.Context, s Streams, partition string, probe bool, timeout time.Duration, asJSON bool) error {
	client := newClient()
	project, err := here()
	if err != nil {
		return err
	}
	all, _, err := prepare.Inventory(ctx, client)
	if err != nil {
		return err
	}
	if partition != "" {
		if all, err = cluster.Eligible(all, cluster.Request{Partition: partition}, ""); err != nil {
			return err
		}
	}
	classes, err := classesOf(ctx, client, project, all)
	if err != nil {
		return err
	}
	silent := 0
	if probe {
		byName := map[string]slurm.Node{}
		for _, n := range all {
			byName[n.Name] = n
		}
		settled := 0
		err := prepare.Probe(ctx, client, project, classes, byName, timeout, func(r prepare.ProbeResult) {
			settled++
			word := "answered"
			if r.Err != nil {
				silent++
				word = r.Err.Error()
			}
			fmt.Fprintf(s.Err, "probe %d of %d: %s of %s: %s\n", settled, len(classes), r.Node, r.Class.Hosts(), word)
		})
		if err != nil {
			return err
		}
		if classes, err = classesOf(ctx, client, project, all); err != nil {
			return err
		}
	}
	if asJSON {
		err = ui.PrintJSON(s.Out, nodesJSON(classes))
	} else {
		printNodes(s, classes)
	}
	if err == nil && silent > 0 {
		return &quietError{exitSlurm}
	}
	return err
}

func classesOf(ctx context.Context, c *slurm.Client, p runs.Project, all []slurm.Node) ([]cluster.Class, error) {
	k, err := prepare.Knowledge(ctx, c, p)
	if err != nil {
		return nil, err
	}
	return cluster.Classes(all, k), nil
}

type nodesReport struct {
	Schema  string      `json:"schema"`
	Classes []classJSON `json:"classes"`
	// Level and Arch are what every node can run; "" while some are unknown.
	Level string `json:"shared_level"`
	Arch  string `json:"shared_arch"`
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

func nodesJSON(classes []cluster.Class) nodesReport {
	out := nodesReport{Schema: "nixbatch/nodes/v1", Classes: []classJSON{}}
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
	return out
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
