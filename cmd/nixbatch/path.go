package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/collect"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
)

func pathCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "path", Usage: "where a task works", ArgsUsage: "[RUN[.TASK]]",
		Description: "Prints the directory of the task (of a sweep without TASK: of its first), for cd \"$(nixbatch path)\".\n" +
			"With scratch: it is on the node that is told. Exit codes: 0 done, 2 no such run or it has not started.",
		Action: func(c *cli.Context) error {
			r, task, err := command.FindRun(c, false)
			if err != nil {
				return err
			}
			dir, node, err := taskDir(r, task)
			if err != nil {
				return err
			}
			if node != "" {
				screen.Printf(s.Err, "nixbatch: note: it is on node %s\n", node)
			}
			screen.Printf(s.Out, "%s\n", dir)
			return nil
		},
	}
}

// taskDir is where a task works, and the node that alone has it.
func taskDir(r rundir.Run, task int) (dir, node string, err error) {
	dir, node, err = collect.Dir(r, max(task, 0))
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", fault.New(fmt.Sprintf("task %d of run %s has not started", max(task, 0), r.ID), "nixbatch status tells its state").Because(err)
	}
	return dir, node, err
}

// taskFile opens a file of a task's directory.
func taskFile(r rundir.Run, task int, name string) (*os.File, error) {
	if !filepath.IsLocal(name) {
		return nil, fault.New(fmt.Sprintf("%s is not below the task's directory", name), "name a file as run: does, such as water.out")
	}
	dir, node, err := taskDir(r, task)
	if err != nil {
		return nil, err
	}
	f, err := durable.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) && node != "" {
		return nil, fault.New(fmt.Sprintf("%s is on node %s, in %s", name, node, dir), "look at it there: ssh or srun --jobid").Because(err)
	}
	return f, err
}

func collectCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "collect", Usage: "put back what a killed task made", ArgsUsage: "RUN[.TASK]",
		Description: "A task that is over puts its outputs back beside the job file; one that was killed, or found the disk full, could\n" +
			"not. This does it: of every such task of the run, or of the one named. Exit codes: 0 done, 2 it may still run, or there\n" +
			"is nothing of it, 7 something could not be put back.",
		Action: func(c *cli.Context) error {
			r, task, err := command.FindRun(c, true)
			if err != nil {
				return err
			}
			states, err := status.States(c.Context, command.NewClient(), []rundir.Run{r}, command.About())
			if err != nil {
				return err
			}
			if err := states[0].LoadTasks(); err != nil {
				return err
			}
			return collectRun(s, r, task, states[0])
		},
	}
}

func collectRun(s command.Streams, r rundir.Run, task int, st status.Status) error {
	var failed []facts.File
	n := 0
	for _, t := range st.Tasks {
		if task >= 0 && t.Task != task {
			continue
		}
		if !t.State.Final() {
			if task < 0 {
				continue
			}
			return fault.New(fmt.Sprintf("task %d of run %s is %s", task, r.ID, t.State), "wait until it is over")
		}
		left, err := collect.Pending(r, t.Task)
		if err != nil || !left && task < 0 {
			if err != nil {
				return err
			}
			continue
		}
		b, err := collect.Task(r, t.Task)
		if err != nil {
			return err
		}
		for _, f := range b.Outputs {
			if f.SHA256 != "" {
				n++
				screen.Printf(s.Out, "%s\n", f.Path)
			}
		}
		failed = append(failed, b.Failed...)
		for _, f := range b.Failed {
			screen.Printf(s.Err, "nixbatch: %s could not be put back: %s; it is in %s\n", f.Path, f.Skipped, b.Dir)
		}
	}
	switch {
	case len(failed) > 0:
		return &fault.Error{Kind: fault.System, Message: fmt.Sprintf("%d outputs of run %s could not be put back", len(failed), r.ID), Way: "nothing is lost: mend what is in the way, and do it again"}
	case n == 0:
		screen.Printf(s.Err, "nixbatch: note: there is nothing to put back\n")
	}
	return nil
}
