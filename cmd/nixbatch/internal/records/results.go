package records

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/finish"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/results"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/ui"
)

// Results is nixbatch results.
func Results(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "results", Usage: "what a run was for: a table of its tasks' values and numbers", ArgsUsage: "[RUN[.TASK]|FILE]",
		Description: "A row for each task: the values of the sweep, the numbers that numbers: in the job file names, state and time. A number\n" +
			"that is missing is said to be, with the reason. Without RUN, the newest one. Exit codes: 0 done, 2 no such record.",
		Flags: []cli.Flag{command.JSONFlag(),
			&cli.BoolFlag{Name: "csv", Usage: "print comma-separated values"},
			&cli.BoolFlag{Name: "markdown", Usage: "print a table in Markdown"},
			&cli.StringFlag{Name: "plot", Usage: "draw the numbers into a new `FILE.svg`"},
			&cli.StringFlag{Name: "x", Usage: "with --plot, the `NAME` of the sweep to draw over, or task; default its first number"}},
		Action: func(c *cli.Context) error {
			if forms := count(c, "json", "csv", "markdown"); forms > 1 {
				return fault.New("--json, --csv and --markdown exclude each other", "call it once for each")
			}
			if c.IsSet("x") && !c.IsSet("plot") {
				return fault.New("--x says what to draw over, and nothing is drawn", "add --plot FILE.svg")
			}
			t, err := resultsOf(c, s)
			if err != nil {
				return err
			}
			if file := c.String("plot"); file != "" {
				if err := draw(t, file, c.String("x")); err != nil {
					return err
				}
			}
			return printResults(c, s, t)
		},
	}
}

func count(c *cli.Context, flags ...string) (n int) {
	for _, f := range flags {
		if c.Bool(f) {
			n++
		}
	}
	return n
}

// resultsOf is the table of the run, or the task of one, that the argument names.
func resultsOf(c *cli.Context, s command.Streams) (*results.Table, error) {
	name, err := One(c)
	if err != nil {
		return nil, err
	}
	found, err := find(c.Context, s, name)
	if err != nil {
		return nil, err
	}
	r, err := load.Open(found.Path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	states, err := statesOf(r, found)
	if err != nil {
		return nil, err
	}
	t, err := results.Of(r, states)
	if err == nil && found.Task >= 0 {
		t = t.Only(found.Task)
	}
	return t, err
}

// statesOf is what became of the tasks of a run that is not sealed.
func statesOf(r *load.Record, found finish.Found) (map[int]string, error) {
	out := map[int]string{}
	if found.Status == nil || r.Seal != nil {
		return out, nil
	}
	if err := found.Status.LoadTasks(); err != nil {
		return nil, err
	}
	for _, t := range found.Status.Tasks {
		if t.Submitted || found.Status.Job.Local {
			out[t.Task] = string(t.State)
		}
	}
	return out, nil
}

// draw writes a picture; nothing that is there is replaced.
func draw(t *results.Table, file, x string) error {
	f, err := t.Figure(x)
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(file)
	if err == nil {
		err = durable.WriteBytes(abs, f.SVG(), 0o644)
	}
	if errors.Is(err, durable.ErrExists) {
		return fault.New(file+" is there already", "name another file, or remove it")
	}
	if err != nil {
		return fmt.Errorf("picture: %w", err)
	}
	return nil
}

func printResults(c *cli.Context, s command.Streams, t *results.Table) error {
	switch {
	case c.Bool("json"):
		return ui.PrintJSON(s.Out, t)
	case c.Bool("csv"):
		return ui.PrintResultsCSV(s.Out, t)
	case c.Bool("markdown"):
		ui.PrintResultsMarkdown(s.Out, t)
	default:
		ui.PrintResults(s.Out, t)
	}
	if len(t.Numbers) == 0 {
		screen.Printf(s.Err, "nixbatch: note: the job file names no numbers\nhint: name them under numbers: before the next run\n")
	}
	return nil
}
