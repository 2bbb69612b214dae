package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/agent"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/launch"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/screen"
)

// nodeSide runs the commands that batch scripts call: agent RUN_DIR, look,
// which prints this node's CPU, and probe DIR, which leaves it in a file. Called
// as launch it is the command launch of a job's lines.
func nodeSide(s command.Streams, args []string) (code int, ok bool) {
	switch {
	case filepath.Base(os.Args[0]) == "launch":
		return launch.Main(context.Background(), os.Environ(), args, s.Err, time.Now()), true
	case len(args) >= 2 && args[0] == "agent" && filepath.IsAbs(args[1]):
		dir := filepath.Clean(args[1])
		ticket, ok := facts.ParseTicket(args[2:])
		if !ok {
			return 0, false
		}
		a := agent.Agent{
			Ticket:  ticket,
			Run:     rundir.Run{ID: filepath.Base(dir), Dir: dir, Project: rundir.Project{Dir: filepath.Dir(filepath.Dir(dir))}},
			Machine: agent.Node{}, Stdout: s.Out, Stderr: s.Err, Tool: command.Tool(),
		}
		return a.Main(context.Background()), true
	case len(args) == 1 && args[0] == "look":
		if err := agent.Look(s.Out, os.Getenv, time.Now()); err != nil {
			screen.Printf(s.Err, "nixbatch: %v\n", err)
			return fault.Refused.ExitCode(), true
		}
		return 0, true
	case len(args) == 2 && args[0] == "probe" && filepath.IsAbs(args[1]):
		if err := agent.Probe(args[1], os.Getenv, time.Now()); err != nil {
			screen.Printf(s.Err, "nixbatch: %v\n", err)
			return fault.Refused.ExitCode(), true
		}
		return 0, true
	}
	return 0, false
}
