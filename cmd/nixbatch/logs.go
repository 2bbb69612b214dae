package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
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
				return followLog(c.Context, s.Out, r, task)
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

// followLog copies the log as it grows, until the run, or its task, is over.
func followLog(ctx context.Context, out io.Writer, r rundir.Run, task int) error {
	over := make(chan error, 1)
	go func() {
		_, err := status.WaitTask(ctx, newClient(), r, task, about(), nil, nil)
		over <- err
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var f *os.File
	for last := false; ; {
		if f == nil {
			f, _ = os.Open(r.LogFile(max(task, 0))) // not there before the job starts
		}
		if f != nil {
			if _, err := io.Copy(out, f); err != nil {
				return fmt.Errorf("log: %w", err)
			}
		}
		if last {
			return nil
		}
		select {
		case err := <-over:
			if err != nil {
				return err
			}
			last = true
		case <-tick.C:
		}
	}
}
