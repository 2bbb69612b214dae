package command

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// JSONFlag is the flag of all commands that print JSON.
func JSONFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON, errors too"}
}

// OneRun is the command's argument, a run; "" stands for the newest.
func OneRun(c *cli.Context) (string, error) {
	if c.NArg() > 1 {
		return "", fault.New(fmt.Sprintf("nixbatch %s takes one run, got %d arguments", c.Command.Name, c.NArg()),
			"nixbatch status lists the runs")
	}
	return c.Args().First(), nil
}

// NoArgs refuses arguments.
func NoArgs(c *cli.Context) error {
	if c.NArg() > 0 {
		return fault.New(fmt.Sprintf("nixbatch %s takes no argument, got %q", c.Command.Name, c.Args().First()), "nixbatch "+c.Command.Name+" --help")
	}
	return nil
}

// Here is the project of the working directory.
func Here() (rundir.Project, error) {
	wd, err := os.Getwd()
	if err != nil {
		return rundir.Project{}, err
	}
	return rundir.Near(wd)
}

// FindRun is the run, or the task of one, that the argument names. Without an
// argument it is the newest run, where none is required.
func FindRun(c *cli.Context, required bool) (r rundir.Run, task int, err error) {
	name, err := OneRun(c)
	if err != nil {
		return r, task, err
	}
	if required && name == "" {
		return r, task, fault.New("nixbatch "+c.Command.Name+" needs a run", "nixbatch status lists the runs")
	}
	return Find(name)
}

// Find is the run, or the task of one (else -1), that a name means: see
// ledger.Find.
func Find(name string) (rundir.Run, int, error) {
	p, err := Here()
	if err != nil {
		return rundir.Run{}, -1, err
	}
	return ledger.Find(p, func() ([]rundir.Project, error) { return rundir.Projects(rundir.StateDir(os.Getenv)) }, name)
}

// FindWhole is the run that a name means.
func FindWhole(name string) (rundir.Run, error) {
	r, task, err := Find(name)
	if err == nil {
		err = Whole(name, task)
	}
	return r, err
}

// Whole refuses a task where a run is meant.
func Whole(name string, task int) error {
	if task < 0 {
		return nil
	}
	return fault.New(name+" is a task, and this is about whole runs", "write the run alone")
}

// AllRuns are the runs of all projects of the user, by project.
func AllRuns() (out []rundir.Run, err error) {
	projects, err := rundir.Projects(rundir.StateDir(os.Getenv))
	if err != nil {
		return nil, err
	}
	for _, p := range projects {
		some, err := p.List()
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}
