package main

import (
	"context"
	"errors"
	"io"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Exit codes. They are documented in docs/exit-codes.md and only ever added to.
const (
	exitDone        = 0
	exitJobFailed   = 1
	exitUsage       = 2
	exitNix         = 3
	exitSlurm       = 4
	exitUnknown     = 5
	exitNotWritten  = 6
	exitInterrupted = 130
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

// slurmError is a failure of Slurm's commands.
type slurmError struct{ err error }

func (e *slurmError) Error() string { return e.err.Error() }
func (e *slurmError) Unwrap() error { return e.err }

// exitCode sorts errors into exit codes.
func exitCode(ctx context.Context, err error) int {
	var (
		quiet   *quietError
		usage   *usageError
		ps      jobspec.Problems
		plErr   *plan.Error
		noNodes *cluster.NoNodesError
		input   *submit.InputError
		runErr  *fault.Error
		nixErr  *nix.Error
		unsure  *ledger.UncertainError
	)
	switch {
	case errors.As(err, &quiet):
		return quiet.code
	case errors.As(err, &unsure), errors.As(err, &runErr) && runErr.Kind == fault.Unsure:
		return exitUnknown
	case ctx.Err() != nil, errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &ps), errors.As(err, &plErr), errors.As(err, &noNodes),
		errors.As(err, &input), errors.As(err, &runErr):
		return exitUsage
	case errors.As(err, &nixErr):
		return exitNix
	case isSlurm(err):
		return exitSlurm
	}
	return exitUsage
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
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return &usageError{err.Error(), "nixbatch --help"} },
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
