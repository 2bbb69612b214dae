package main

import (
	"context"
	"fmt"
	"path/filepath"
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
			&cli.BoolFlag{Name: "everywhere", Usage: "count also what the arch set for all of nixpkgs would change (evaluates it once more)"},
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

func printPlan(_ context.Context, s Streams, j *submit.Job, costs []submit.Cost, asJSON bool) error {
	shown := *j.Plan
	shown.Notes = append(slices.Clone(shown.Notes), j.TreeNotes()...)
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

// graphWords says what is rebuilt for the arch, and, if that was counted, what
// all of nixpkgs for it would have been.
func graphWords(c submit.Cost) string {
	if c.Total == 0 {
		return ""
	}
	if len(c.Rebuilt) == 0 {
		return "" // a note says so
	}
	words := fmt.Sprintf("differs from generic in %d of %d derivations (%s)", len(c.Rebuilt), c.Total, strings.Join(c.Rebuilt, " "))
	if c.Everywhere > 0 {
		words += fmt.Sprintf("; the arch set for all of nixpkgs would change %d", c.Everywhere)
	}
	return words
}

// printScript prints the batch script as Slurm would get it, for a run called
// RUN.
func printScript(s Streams, j *submit.Job) error {
	dir, log0 := filepath.Join(j.Project.Dir, "runs", "RUN"), "0.log"
	if j.Plan.Sweep != nil {
		log0 = "slurm.log"
	}
	log, err := filepath.Rel(j.WorkDir, filepath.Join(dir, "logs", log0))
	if err != nil {
		return err
	}
	script, err := j.Plan.Script(plan.Place{RunID: "RUN", RunDir: dir, WorkDir: j.WorkDir, Log: log})
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
			envs, err := j.Build(c.Context)
			if err != nil {
				return err
			}
			p.clear()
			if c.Bool("json") {
				return ui.PrintJSON(s.Out, map[string]any{"schema": "nixbatch/build/v1", "name": j.Spec.Name, "builds": envs})
			}
			for _, b := range j.Plan.Builds {
				fmt.Fprintf(s.Out, "%s  %s\n", b.Arch, envs[b.Arch])
			}
			return nil
		},
	}
}
