package main

import (
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func cpuCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "cpu", Usage: "a CPU, the build for it, and why not a better one",
		Description: "This machine's CPU, or the one that a saved /proc/cpuinfo describes. Exit codes: 0 done, 2 not a cpuinfo.",
		Flags: []cli.Flag{command.JSONFlag(),
			&cli.StringFlag{Name: "cpuinfo", Usage: "read `FILE`, a copy of /proc/cpuinfo, instead of this machine"},
			&cli.StringFlag{Name: "gcc", Usage: "choose for this `VERSION` of GCC (12.2.0), not for the newest"}},
		Action: func(c *cli.Context) error {
			if err := command.NoArgs(c); err != nil {
				return err
			}
			if v := c.String("gcc"); v != "" && !gccVersion.MatchString(v) {
				return fault.New(fmt.Sprintf("--gcc takes a version of GCC, got %q", v), "write it as numbers: --gcc 12.2.0")
			}
			cpu, err := loadCPU(c.String("cpuinfo"))
			if err != nil {
				return err
			}
			r := cpuflags.NewReport(cpu, cpuflags.Limits{GCC: c.String("gcc")})
			if c.Bool("json") {
				return ui.PrintJSON(s.Out, r)
			}
			_, err = io.WriteString(s.Out, r.Text())
			return err
		},
	}
}

var gccVersion = lazyre.New(`^[1-9][0-9]*(\.[0-9]+){0,2}$`)

func loadCPU(file string) (cpuflags.CPU, error) {
	if file == "" {
		cpu, _, err := cpuflags.Load(os.Getenv("SLURMD_NODENAME"))
		return cpu, err
	}
	f, err := durable.Open(file)
	if err != nil {
		return cpuflags.CPU{}, fmt.Errorf("cpuinfo: %w", err)
	}
	defer f.Close()
	cpu, err := cpuflags.ParseCPUInfo(f)
	if err != nil {
		return cpu, fmt.Errorf("%s: %w", file, err)
	}
	return cpu, nil
}
