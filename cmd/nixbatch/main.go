// Command nixbatch puts computations on a Slurm cluster, each in an exactly
// pinned Nix environment built for the nodes' CPUs.
//
// main turns an error into an exit code and does no more; every command has a
// file of its own here, and its work in a package below internal.
package main

import (
	"context"
	"os"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/interrupt"
	"github.com/nixbatch/nixbatch/internal/limits"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func main() { os.Exit(mainCode()) }

func mainCode() int {
	s := command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	// The node's side comes first: it pays for nothing it does not use, and
	// signals are its payload's, not its own.
	if code, ok := nodeSide(s, os.Args[1:]); ok {
		return code
	}
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		// Scripts ask it; it takes none of the commands, and no file, to answer.
		return versionLine(s)
	}
	if err := limits.Enough(); err != nil {
		ui.PrintError(screen.To(s.Err, s.Err), err)
		return command.SystemFailed
	}
	ctx, stop := interrupt.Context(context.Background(), func() {
		ui.PrintError(screen.To(s.Err, s.Err), interruption(context.Canceled))
		os.Exit(command.Interrupted)
	})
	defer stop()
	return Run(ctx, s, os.Args[1:])
}
