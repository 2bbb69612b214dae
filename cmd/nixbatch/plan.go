package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func whyFlag() cli.Flag {
	return &cli.BoolFlag{Name: "why", Usage: "list the better CPU names that cannot be used, each with what stands in its way"}
}

func planCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "what would happen, and why", ArgsUsage: "FILE",
		Description: "Nothing is built and nothing submitted. Exit codes: 0 done, 2 bad job file, 3 Nix failed, 4 Slurm could not be asked.",
		Flags: []cli.Flag{command.JSONFlag(), localFlag(), whyFlag(),
			&cli.BoolFlag{Name: "everywhere", Usage: "count also what the arch set for all of nixpkgs would change (evaluates it once more)"},
			&cli.BoolFlag{Name: "script", Usage: "print only the batch script that Slurm would get"}},
		Action: func(c *cli.Context) error {
			file, err := oneFile(c)
			if err != nil {
				return err
			}
			if c.Bool("script") && c.Bool("json") {
				return fault.New("--json and --script print two different things", "choose one; the plan's JSON does not have the script")
			}
			o, p := options(c, s, c.Bool("local"))
			defer p.Clear()
			o.Count, o.Everywhere = !c.Bool("script"), c.Bool("everywhere")
			j, err := planned(c.Context, file, o)
			if err != nil {
				return err
			}
			if c.Bool("script") {
				return printScript(s, j)
			}
			costs, err := j.Costs(c.Context)
			if err != nil {
				return err
			}
			p.Clear()
			return ui.PrintPlanCosts(s.Out, j, costs, c.Bool("json"), c.Bool("why"))
		},
	}
}

// printScript prints the batch script as Slurm would get it.
func printScript(s command.Streams, j *submit.Planned) error {
	script, err := j.Script()
	if err != nil {
		return err
	}
	out := screen.Raw(s.Out)
	if _, err = io.WriteString(out, script); err == nil {
		err = screen.Close(out)
	}
	return err
}

func buildCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "build", Usage: "make the builds now", ArgsUsage: "FILE",
		Description: "What is built is kept from garbage collection. Exit codes: 0 done, 2 bad job file, 3 Nix failed, 4 Slurm could not be asked.",
		Flags:       []cli.Flag{command.JSONFlag(), localFlag()},
		Action: func(c *cli.Context) error {
			file, err := oneFile(c)
			if err != nil {
				return err
			}
			o, p := options(c, s, c.Bool("local"))
			defer p.Clear()
			j, err := planned(c.Context, file, o)
			if err != nil {
				return err
			}
			built, err := j.Build(c.Context)
			if err != nil {
				return err
			}
			p.Clear()
			if c.Bool("json") {
				return ui.PrintJSON(s.Out, ui.MadeOf(j.Spec.Name, built.Envs))
			}
			for _, b := range j.Plan.Builds {
				screen.Printf(s.Out, "%s  %s\n", b.Arch, built.Envs[b.Arch])
			}
			return nil
		},
	}
}
