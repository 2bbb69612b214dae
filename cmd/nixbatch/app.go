package main

import (
	"context"
	"errors"
	"io"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/ui"
)

// Exit codes. They are documented in docs/exit-codes.md and only ever added to;
// those of errors are package fault's.
const (
	exitDone        = 0
	exitJobFailed   = int(fault.Failed)
	exitUsage       = int(fault.Input)
	exitNix         = int(fault.Nix)
	exitSlurm       = int(fault.Slurm)
	exitUnknown     = int(fault.Unsure)
	exitNotWritten  = int(fault.NotWritten)
	exitSystem      = int(fault.System)
	exitInterrupted = int(fault.Interrupted)
)

// version is set by the linker (make build).
var version = "0.1.0-dev"

// Streams is where a command reads and prints.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer

	out *output // what Out ends in, once Run has begun
}

// tool is what records say about this program.
func tool() facts.Tool {
	t := facts.Tool{Version: version}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				t.Commit = s.Value
			}
		}
	}
	if commit != "" {
		t.Commit = commit
	}
	return t
}

// commit is set by the linker (make build).
var commit string

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, s Streams, args []string) int {
	out := &output{to: s.Out}
	s = s.through(out)
	return written(s, out, run(ctx, s, args))
}

// through is the streams of a command, which make plain what passes them.
func (s Streams) through(out *output) Streams {
	s.Out, s.Err, s.out = screen.To(s.Out, out), screen.To(s.Err, s.Err), out
	return s
}

// written is the exit code of a command that printed to out.
func written(s Streams, out *output, code int) int {
	if out.err == nil {
		return code
	}
	screen.Printf(s.Err, "nixbatch: standard output could not be written: %v\n", durable.Reason(out.err))
	if code == exitDone {
		return exitNotWritten
	}
	return code
}

// versionLine prints what --version prints.
func versionLine(s Streams) int {
	out := &output{to: s.Out}
	screen.Printf(out, "nixbatch version %s\n", version)
	return written(s, out, exitDone)
}

func run(ctx context.Context, s Streams, args []string) int {
	app := newApp(s)
	arranged, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(ctx, append([]string{"nixbatch"}, arranged...))
	}
	if err == nil {
		return exitDone
	}
	code := exitCode(ctx, err)
	var quiet *quietError
	if code == exitInterrupted && !errors.As(err, &quiet) {
		err = interruption(err)
	}
	switch {
	case errors.As(err, &quiet):
	case s.unwritten() != nil && errors.Is(err, s.unwritten()):
		return exitDone // Run tells it
	case wantsJSON(args):
		if ui.PrintErrorJSON(s.Out, err, code); s.unwritten() != nil {
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

// quietError is a result, told already, that is not exit code 0.
type quietError struct{ code int }

func (e *quietError) Error() string { return "" }

// exitCode is the kind of an error. An interrupt makes what it cut short fail in
// many ways: none of them is told, but for a job of which it is not known
// whether Slurm took it.
func exitCode(ctx context.Context, err error) int {
	var quiet *quietError
	if errors.As(err, &quiet) {
		return quiet.code
	}
	kind := fault.KindOf(err, ledger.KindOf)
	if kind != fault.Unsure && ctx.Err() != nil {
		kind = fault.Interrupted
	}
	return kind.ExitCode()
}

// newApp is the command line. It is never run without arrange, which puts flags
// where urfave/cli looks for them.
func newApp(s Streams) *cli.App {
	shortFlags()
	app := &cli.App{
		Name:                      "nixbatch",
		Usage:                     "Slurm jobs in exactly pinned Nix environments, built for the nodes' CPUs",
		Version:                   version,
		Reader:                    s.In,
		Writer:                    s.Out,
		ErrWriter:                 s.Err,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		// What goes wrong is told in one place, Run.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return fault.New(err.Error(), "nixbatch --help") },
		Commands: []*cli.Command{
			initCommand(s), checkCommand(s), planCommand(s), buildCommand(s), submitCommand(s), statusCommand(s), logsCommand(s),
			cancelCommand(s), nodesCommand(s), cpuCommand(s), pinCommand(s), schemaCommand(s), doctorCommand(s),
			recordCommand(s), rerunCommand(s), retryCommand(s), whyCommand(s), gcCommand(s),
		},
	}
	for _, c := range app.Commands {
		c.HideHelpCommand = true
		c.OnUsageError = func(c *cli.Context, err error, _ bool) error { return badValue(c.Command, err) }
	}
	return app
}
