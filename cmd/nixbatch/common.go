package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/slurm"
)

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON, errors too"}
}

func localFlag() cli.Flag {
	return &cli.BoolFlag{Name: "local", Usage: "for this machine, without Slurm"}
}

// oneFile is the command's one argument, the job file.
func oneFile(c *cli.Context) (string, error) {
	if c.NArg() != 1 {
		return "", fault.New(fmt.Sprintf("nixbatch %s takes one job file, got %d arguments", c.Command.Name, c.NArg()),
			fmt.Sprintf("nixbatch %s job.yaml", c.Command.Name))
	}
	return c.Args().First(), nil
}

// oneRun is the command's argument, a run; "" stands for the newest.
func oneRun(c *cli.Context) (string, error) {
	if c.NArg() > 1 {
		return "", fault.New(fmt.Sprintf("nixbatch %s takes one run, got %d arguments", c.Command.Name, c.NArg()),
			"nixbatch status lists the runs")
	}
	return c.Args().First(), nil
}

func noArgs(c *cli.Context) error {
	if c.NArg() > 0 {
		return fault.New(fmt.Sprintf("nixbatch %s takes no argument, got %q", c.Command.Name, c.Args().First()), "nixbatch "+c.Command.Name+" --help")
	}
	return nil
}

func newClient() *slurm.Client {
	return &slurm.Client{Env: submit.QueueEnv(os.Environ())}
}

// options is what commands that prepare a job share.
func options(c *cli.Context, s Streams, local bool) (submit.Options, *ui.Progress) {
	p := ui.NewProgress(s.Err, c.Bool("json"))
	return submit.Options{
		Local: local, Tool: tool(), Runner: proc.System{}, Environ: os.Environ(), Now: clock,
		Client: newClient(), Progress: p.Event,
	}, p
}

// planned loads a job file and plans it.
func planned(ctx context.Context, file string, o submit.Options) (*submit.Planned, error) {
	j, err := submit.Load(file, o)
	if err != nil {
		return nil, err
	}
	return j.MakePlan(ctx)
}

// here is the project of the working directory.
func here() (rundir.Project, error) {
	wd, err := os.Getwd()
	if err != nil {
		return rundir.Project{}, err
	}
	return rundir.Near(wd)
}

// findRun is the run, or the task of one, that the argument names. Without an
// argument it is the newest run, where none is required.
func findRun(c *cli.Context, required bool) (r rundir.Run, task int, err error) {
	name, err := oneRun(c)
	if err != nil {
		return r, task, err
	}
	if required && name == "" {
		return r, task, fault.New("nixbatch "+c.Command.Name+" needs a run", "nixbatch status lists the runs")
	}
	p, err := here()
	if err != nil {
		return r, task, err
	}
	return ledger.GetTask(p, name)
}

// clock tells the time; tests set another.
var clock = time.Now

func about() ledger.About {
	return ledger.About{Tool: tool(), Now: clock, Cache: status.CacheFile(os.Getenv), MaxAge: submit.AnswerAge}
}
