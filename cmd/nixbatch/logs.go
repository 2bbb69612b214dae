package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func logsCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "logs", Usage: "what a run printed", ArgsUsage: "[RUN[.TASK]]",
		Description: "Without RUN, the newest one. Of a sweep, name the task; without one the first that failed is shown, else its first. Exit codes: 0 done, 2 no such run or nothing printed yet.",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on until the run is over"}},
		Action: func(c *cli.Context) error {
			r, task, err := findRun(c, false)
			if err != nil {
				return err
			}
			if c.Bool("follow") {
				return ui.FollowLog(c.Context, s.Out, newClient(), r, task, about())
			}
			if task < 0 {
				if task = status.LogTask(r); task > 0 {
					fmt.Fprintf(s.Err, "nixbatch: note: this is task %d, the first that did not complete; name another as %s.TASK\n", task, r.ID)
				}
			}
			f, err := os.Open(r.LogFile(task))
			if errors.Is(err, fs.ErrNotExist) {
				return &fault.Error{Message: "run " + r.ID + " has printed nothing yet", Way: "nixbatch status tells its state; -f waits"}
			}
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(s.Out, f)
			return err
		},
	}
}
