package main

import (
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/ui"
)

// staying is what no removal takes, for help texts.
const staying = "Stays what is needed, and why is said: a run that waits or runs, or of which that is not known; one that such a run\n" +
	"comes after; and one that has the only copy of an output. "

func removalFlags() []cli.Flag {
	return []cli.Flag{command.JSONFlag(),
		&cli.BoolFlag{Name: "dry-run", Usage: "say what would be removed, and remove nothing"},
		&cli.BoolFlag{Name: "outputs", Usage: "also what has the only copy of an output"}}
}

func rmCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "rm", Usage: "remove runs: their records, logs and kept files", ArgsUsage: "RUN...",
		Description: staying + "Files beside the job file stay,\n" +
			"too. Exit codes: 0 done, 2 no such run, or one of them stays, 4 Slurm could not be asked.",
		Flags: append(removalFlags(), &cli.BoolFlag{Name: "unknown", Usage: "also runs of which it is not known what became: you know that they do not run"}),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return fault.New("nixbatch rm needs a run", "nixbatch ls lists the runs; nixbatch clean takes many")
			}
			var dirs []string
			var named []rundir.Run
			for _, name := range c.Args().Slice() {
				r, err := command.FindWhole(name)
				if err != nil {
					return err
				}
				if !slices.Contains(dirs, r.Dir) {
					dirs, named = append(dirs, r.Dir), append(named, r)
				}
			}
			rep, err := removeRuns(c, s, named, runs.Named(dirs))
			if err == nil && len(rep.Kept) > 0 {
				return command.Exit(command.Usage)
			}
			return err
		},
	}
}

func cleanCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "clean", Usage: "remove old runs",
		Description: "Of this directory's project, or with --all of all of yours, runs that are over and to which all of what is said\n" +
			"applies. " + staying + "\n" +
			"Exit codes: 0 done, 4 Slurm could not be asked.",
		Flags: append(removalFlags(),
			&cli.StringFlag{Name: "older-than", Usage: "only runs that have been over for a `TIME`: 30d, 2w, 12h"},
			&cli.IntFlag{Name: "keep", Usage: "not the newest `N` of each job's name"},
			&cli.BoolFlag{Name: "failed", Usage: "only runs that did not complete"},
			&cli.BoolFlag{Name: "all", Usage: "the runs of all of your projects"}),
		Action: func(c *cli.Context) error {
			rule, err := cleanRule(c)
			if err != nil {
				return err
			}
			all, _, err := chosenRuns("", c.Bool("all"))
			if err != nil {
				return err
			}
			mine := map[string]bool{}
			for _, r := range all {
				mine[r.Dir] = true
			}
			_, err = removeRuns(c, s, all, func(states []status.Status) []status.Status {
				states = slices.DeleteFunc(slices.Clone(states), func(st status.Status) bool { return !mine[st.Run.Dir] })
				return rule.Choose(states, command.Clock())
			})
			return err
		},
	}
}

// cleanRule is what the flags of clean say; at least one has to.
func cleanRule(c *cli.Context) (runs.Rule, error) {
	if err := command.NoArgs(c); err != nil {
		return runs.Rule{}, err
	}
	if !c.IsSet("older-than") && !c.IsSet("keep") && !c.Bool("failed") {
		return runs.Rule{}, fault.New("nixbatch clean has to be told what may go", "nixbatch clean --older-than 30d --keep 1 --dry-run")
	}
	rule := runs.Rule{Keep: -1, Failed: c.Bool("failed")}
	if c.IsSet("keep") {
		if rule.Keep = c.Int("keep"); rule.Keep < 0 {
			return rule, fault.New("--keep takes a number of runs", "--keep 3")
		}
	}
	var err error
	if c.IsSet("older-than") {
		rule.Older, err = runs.ParseAge(c.String("older-than"))
	}
	return rule, err
}

// removeRuns removes and tells. Runs of all projects are looked at, since any of
// them may need one that is to go; that of this directory, and those of the runs
// named, may never have been noted.
func removeRuns(c *cli.Context, s command.Streams, named []rundir.Run, choose func([]status.Status) []status.Status) (*runs.Report, error) {
	projects, err := rundir.Projects(rundir.StateDir(os.Getenv))
	if err != nil {
		return nil, err
	}
	here, err := command.Here()
	if err != nil {
		return nil, err
	}
	if there, err := durable.There(here.Dir); err != nil {
		return nil, err
	} else if there && !slices.Contains(projects, here) {
		projects = append(projects, here)
	}
	for _, r := range named {
		if !slices.Contains(projects, r.Project) {
			projects = append(projects, r.Project)
		}
	}
	o := runs.Options{Outputs: c.Bool("outputs"), Unknown: c.Bool("unknown"), Dry: c.Bool("dry-run")}
	rep, rerr := runs.Remove(c.Context, command.NewClient(), projects, choose, o, command.About())
	if rep == nil {
		return nil, rerr
	}
	if c.Bool("json") {
		err = ui.PrintJSON(s.Out, rep)
	} else {
		ui.PrintRemoved(s.Out, s.Err, rep)
	}
	if err == nil {
		err = rerr
	}
	return rep, err
}
