package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func planCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "what would happen, and why", ArgsUsage: "FILE",
		Description: "Nothing is built and nothing submitted. Exit codes: 0 done, 2 bad job file, 3 Nix failed, 4 Slurm could not be asked.",
		Flags: []cli.Flag{jsonFlag(), localFlag(),
			&cli.BoolFlag{Name: "script", Usage: "print only the batch script that Slurm would get"}},
		Action: func(c *cli.Context) error {
			file, err := oneFile(c)
			if err != nil {
				return err
			}
			if c.Bool("script") && c.Bool("json") {
				return &usageError{"--json and --script print two different things", "choose one; the plan's JSON does not have the script"}
			}
			o, p := options(c, s, c.Bool("local"))
			defer p.clear()
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
			p.clear()
			return printPlan(c.Context, s, j, costs, c.Bool("json"))
		},
	}
}

// planJSON is the plan with what its builds cost now.
type planJSON struct {
	*plan.Plan
	Costs []submit.Cost `json:"costs"`
}

func printPlan(_ context.Context, s Streams, j *submit.Planned, costs []submit.Cost, asJSON bool) error {
	shown := *j.Plan
	shown.Notes = slices.Clone(shown.Notes)
	for _, c := range costs {
		if c.Total > 0 && len(c.Rebuilt) == 0 {
			shown.Notes = append(shown.Notes, fmt.Sprintf("the build for %s is the generic one: nothing of environment.packages uses what optimize names", c.Arch))
		}
	}
	if asJSON {
		return ui.PrintJSON(s.Out, planJSON{&shown, costs})
	}
	words, graphs := map[string]string{}, map[string]string{}
	for _, c := range costs {
		words[c.Arch], graphs[c.Arch] = costWords(c), graphWords(c)
	}
	ui.PrintPlan(s.Out, &shown, words, graphs)
	return nil
}

func costWords(c submit.Cost) string {
	if c.Ready {
		return "ready"
	}
	words := fmt.Sprintf("%d to build", c.Build)
	if c.Fetch > 0 {
		words += fmt.Sprintf(", %d to fetch", c.Fetch)
		if c.Download > 0 {
			words += " (" + ui.Bytes(c.Download) + ")"
		}
	}
	return words + fmt.Sprintf(", %d there", c.Present)
}

// graphWords says what is rebuilt for the arch, and what all of nixpkgs for it
// would have been.
func graphWords(c submit.Cost) string {
	if c.Total == 0 {
		return ""
	}
	if len(c.Rebuilt) == 0 {
		return "" // a note says so
	}
	return fmt.Sprintf("differs from generic in %d of %d derivations (%s); the arch set for all of nixpkgs would change %d",
		len(c.Rebuilt), c.Total, strings.Join(c.Rebuilt, " "), c.Everywhere)
}

// printScript prints the batch script as Slurm would get it.
func printScript(s Streams, j *submit.Planned) error {
	script, err := j.Script()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(s.Out, script)
	return err
}

func buildCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "build", Usage: "make the builds now", ArgsUsage: "FILE",
		Description: "What is built is kept from garbage collection. Exit codes: 0 done, 2 bad job file, 3 Nix failed, 4 Slurm could not be asked.",
		Flags:       []cli.Flag{jsonFlag(), localFlag()},
		Action: func(c *cli.Context) error {
			file, err := oneFile(c)
			if err != nil {
				return err
			}
			o, p := options(c, s, c.Bool("local"))
			defer p.clear()
			j, err := planned(c.Context, file, o)
			if err != nil {
				return err
			}
			built, err := j.Build(c.Context)
			if err != nil {
				return err
			}
			p.clear()
			if c.Bool("json") {
				return ui.PrintJSON(s.Out, map[string]any{"schema": "nixbatch/build/v1", "name": j.Spec.Name, "builds": built.Envs})
			}
			for _, b := range j.Plan.Builds {
				fmt.Fprintf(s.Out, "%s  %s\n", b.Arch, built.Envs[b.Arch])
			}
			return nil
		},
	}
}
