package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/records"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/ui"
)

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, s command.Streams, args []string) int {
	out := &command.Output{To: s.Out}
	s = s.Through(out)
	return command.Written(s, out, run(ctx, s, args))
}

// versionLine prints what --version prints.
func versionLine(s command.Streams) int {
	out := &command.Output{To: s.Out}
	screen.Printf(out, "nixbatch version %s\n", command.Version)
	return command.Written(s, out, command.Done)
}

func run(ctx context.Context, s command.Streams, args []string) int {
	app := newApp(s)
	arranged, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(ctx, append([]string{"nixbatch"}, arranged...))
	}
	if err == nil {
		return command.Done
	}
	code := exitCode(ctx, err)
	var quiet *command.Quiet
	if code == command.Interrupted && !errors.As(err, &quiet) {
		err = interruption(err)
	}
	switch {
	case errors.As(err, &quiet):
	case s.Unwritten() != nil && errors.Is(err, s.Unwritten()):
		return command.Done // Run tells it
	case wantsJSON(args):
		if ui.PrintErrorJSON(s.Out, err, code); s.Unwritten() != nil {
			ui.PrintError(s.Err, err)
		}
	default:
		ui.PrintError(s.Err, err)
	}
	return code
}

// wantsJSON reports whether JSON is asked for, also on a command line that is
// wrong in some other place.
func wantsJSON(args []string) bool {
	for _, a := range args {
		switch a {
		case "--":
			return false
		case "--json", "-json", "--json=true", "-json=true":
			return true
		}
	}
	return false
}

// exitCode is the kind of an error. An interrupt makes what it cut short fail in
// many ways: none of them is told, but for a job of which it is not known
// whether Slurm took it.
func exitCode(ctx context.Context, err error) int {
	var quiet *command.Quiet
	if errors.As(err, &quiet) {
		return quiet.Code
	}
	kind := fault.KindOf(err, ledger.KindOf)
	if kind != fault.Unsure && ctx.Err() != nil {
		kind = fault.Interrupted
	}
	return kind.ExitCode()
}

// newApp is the command line. It is never run without arrange, which puts flags
// where urfave/cli looks for them.
func newApp(s command.Streams) *cli.App {
	shortFlags()
	app := &cli.App{
		Name:                      "nixbatch",
		Usage:                     "Slurm jobs in exactly pinned Nix environments, built for the nodes' CPUs",
		Version:                   command.Version,
		Reader:                    s.In,
		Writer:                    s.Out,
		ErrWriter:                 s.Err,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		// What goes wrong is told in one place, Run.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return fault.New(err.Error(), "nixbatch --help") },
		Commands: []*cli.Command{
			initCommand(s), checkCommand(s), planCommand(s), buildCommand(s), submitCommand(s), statusCommand(s), logsCommand(s), pathCommand(s), collectCommand(s),
			cancelCommand(s), nodesCommand(s), cpuCommand(s), pinCommand(s), schemaCommand(s), doctorCommand(s),
			records.Command(s), records.Results(s), rerunCommand(s), retryCommand(s), whyCommand(s), gcCommand(s),
			lsCommand(s), rmCommand(s), cleanCommand(s),
		},
	}
	for _, c := range app.Commands {
		c.HideHelpCommand = true
		c.OnUsageError = func(c *cli.Context, err error, _ bool) error { return badValue(c.Command, err) }
	}
	return app
}
