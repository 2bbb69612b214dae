package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func logsCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "logs", Usage: "what a run printed", ArgsUsage: "[RUN[.TASK]]",
		Description: "Without RUN, the newest one. Of a sweep, name the task; without one the first that failed is shown, else its first.\n" +
			"A pipe or a file gets the log as it is; a terminal its text, colours and carriage returns, and nothing else that would\n" +
			"steer it. Exit codes: 0 done, 2 no such run or nothing printed yet.",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on until the run is over"},
			&cli.StringFlag{Name: "file", Usage: "a file of the task's directory in place of what it printed"}},
		Action: func(c *cli.Context) error {
			r, task, err := command.FindRun(c, false)
			if err != nil {
				return err
			}
			open := func(task int) (*os.File, error) { return durable.Open(r.LogFile(max(task, 0))) }
			if name := c.String("file"); name != "" {
				open = func(task int) (*os.File, error) { return taskFile(r, task, name) }
			}
			out := screen.Raw(s.Out)
			defer screen.Close(out)
			if c.Bool("follow") {
				return ui.FollowLog(c.Context, out, command.NewClient(), r, task, command.About(), open)
			}
			if task < 0 {
				if task = status.LogTask(r); task > 0 {
					screen.Printf(s.Err, "nixbatch: note: this is task %d, the first that did not complete; name another as %s.TASK\n", task, r.ID)
				}
			}
			f, err := open(task)
			if errors.Is(err, fs.ErrNotExist) && c.String("file") == "" {
				return &fault.Error{Message: "run " + r.ID + " has printed nothing yet", Way: "nixbatch status tells its state; -f waits"}
			}
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(out, f)
			return err
		},
	}
}
