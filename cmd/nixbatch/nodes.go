package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nodes"
	"github.com/nixbatch/nixbatch/internal/probe"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func nodesCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "nodes", Usage: "classes of nodes, and the build each would run", ArgsUsage: "[PARTITION]",
		Description: "Nodes that Slurm describes alike are one class. What their CPUs are is learnt from every job's start, and from\n" +
			"--probe; where nothing was seen, the site's map of features tells (docs/site.md). Exit codes: 0 done, 2 no such partition, 4 Slurm could not be asked, or a probe was not answered.",
		Flags: []cli.Flag{command.JSONFlag(),
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
			return tellNodes(c, s)
		},
	}
}

func tellNodes(c *cli.Context, s command.Streams) error {
	project, err := command.Here()
	if err != nil {
		return err
	}
	out, silent := ui.Nodes{Schema: ui.NodesSchema}, false
	q := nodes.Question{Client: command.NewClient(), Project: project, Getenv: os.Getenv, Partition: c.Args().First(),
		Probe: c.Bool("probe"), Timeout: c.Duration("timeout"), Publish: c.Bool("publish")}
	q.Probed = func(r probe.Result, of int) {
		told := ui.ProbeOf(r)
		silent = silent || !told.Answered
		out.Probes = append(out.Probes, told)
		screen.Printf(s.Err, "probe %d of %d: %s of %s: %s\n", len(out.Probes), of, told.Node, told.Nodes, cmp.Or(told.Error, "answered"))
	}
	all, err := q.Ask(c.Context)
	if err != nil {
		return err
	}
	if out.Published = all.Published; out.Published != "" {
		screen.Printf(s.Err, "published in %s\n", out.Published)
	}
	if c.Bool("json") {
		out.Describe(all.Classes)
		err = ui.PrintJSON(s.Out, out)
	} else {
		ui.PrintNodes(s.Out, all.Classes)
	}
	if err == nil && silent {
		return command.Exit(command.SlurmFailed)
	}
	return err
}
