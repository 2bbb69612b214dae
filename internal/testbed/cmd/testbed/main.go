// Command testbed gives a person the cluster that the tests use: a private
// Slurm of six nodes and a private Nix configuration, in one directory.
//
// It promises that Ctrl-C while it starts, and the end of run, leave nothing
// behind. It never touches the machine's own Slurm, Nix settings or the home
// directory.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// exitCode ends the program with a code and no message of its own.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run is the program; it returns the exit code: 0 done, 1 failed, 2 usage,
// 130 interrupted, and for the run command that of the command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := app(stdout, stderr).RunContext(ctx, args)
	var code exitCode
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(stderr, "testbed: %v\n", err)
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		fmt.Fprintf(stderr, "hint: %s\n", h.Hint())
	}
	switch {
	case ctx.Err() != nil:
		return 130
	case errors.As(err, &usage):
		return 2
	}
	return 1
}

type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Hint() string  { return "see testbed --help" }

func app(stdout, stderr io.Writer) *cli.App {
	dir := &cli.StringFlag{Name: "dir", Usage: "the cluster's `DIRECTORY`", EnvVars: []string{testbed.DirVar}, Value: defaultDir()}
	keep := &cli.BoolFlag{Name: "keep", Usage: "leave the directory with its logs behind at the end, or when the start fails"}
	noNix := &cli.BoolFlag{Name: "no-nix", Usage: "start where no Nix is installed or usable"}
	onUsage := func(_ *cli.Context, err error, _ bool) error { return &usageError{err} }
	sub := func(name, usage, args string, action cli.ActionFunc, flags ...cli.Flag) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: args, Flags: flags, OnUsageError: onUsage,
			HideHelpCommand: true, Action: func(c *cli.Context) error {
				if args == "" && c.NArg() > 0 {
					return &usageError{fmt.Errorf("%s takes no argument, got %q", name, c.Args().First())}
				}
				return action(c)
			}}
	}
	return &cli.App{
		Name: "testbed", Usage: "a private Slurm of six nodes and a private Nix configuration on this machine",
		Writer: stdout, ErrWriter: stderr, HideVersion: true, HideHelpCommand: true, OnUsageError: onUsage,
		ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return &usageError{fmt.Errorf("no command %q", c.Args().First())}
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			sub("up", "start the cluster; it stays until down", "", up, dir, keep, noNix),
			sub("down", "end the cluster and its jobs, and remove its directory", "", down, dir),
			sub("status", "show the nodes; exit code 1 when the cluster is not up", "", status, dir),
			sub("env", "print the shell commands that enter its environment: eval \"$(testbed env)\"", "", env, dir),
			sub("run", "start a cluster of its own, run a command in its environment, take it down", "-- COMMAND [ARGUMENT…]", runCommand, keep, noNix),
		},
	}
}

// defaultDir is $XDG_RUNTIME_DIR/nixbatch-testbed, or a name of this user's
// in the directory for temporary files.
func defaultDir() string {
	if d := os.Getenv("XDG_RUNTIME_DIR"); d != "" {
		return filepath.Join(d, "nixbatch-testbed")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("nixbatch-testbed-%d", os.Getuid()))
}

func up(c *cli.Context) error {
	dir := c.String("dir")
	if old, err := testbed.Open(dir); err == nil {
		if old.Up() {
			fmt.Fprintf(c.App.Writer, "already up: %s\n", dir)
			return nil
		}
		// Left over: the machine was switched off, or its controller died.
		if err := old.Stop(); err != nil {
			return err
		}
	}
	cl, err := testbed.Start(c.Context, testbed.Options{Dir: dir, Detach: true, Keep: c.Bool("keep"), NoNix: c.Bool("no-nix")})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "up: %s\nenter it: eval \"$(testbed env --dir %s)\"\n", cl.Dir, proc.Quote(cl.Dir))
	return nil
}

func down(c *cli.Context) error {
	cl, err := testbed.Open(c.String("dir"))
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(c.App.Writer, "not up: %s\n", c.String("dir"))
		return nil
	} else if err != nil {
		return err
	}
	if err := cl.Stop(); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "down: %s\n", cl.Dir)
	return nil
}

func opened(c *cli.Context) (*testbed.Cluster, error) {
	cl, err := testbed.Open(c.String("dir"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err != nil || !cl.Up() {
		fmt.Fprintf(c.App.ErrWriter, "testbed: not up: %s\nhint: testbed up\n", c.String("dir"))
		return nil, exitCode(1)
	}
	return cl, nil
}

func status(c *cli.Context) error {
	cl, err := opened(c)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "up: %s\n", cl.Dir)
	_, err = proc.System{}.Run(c.Context, proc.Cmd{Path: "sinfo", Args: []string{"-N", "-p", "main", "-o", "%8N %10T %5c %8z %8m %f"},
		Env: cl.Env(), Stdout: c.App.Writer})
	return err
}

func env(c *cli.Context) error {
	cl, err := opened(c)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, name := range cl.Unset() {
		fmt.Fprintf(&b, "unset %s\n", name)
	}
	vars := cl.Vars()
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		fmt.Fprintf(&b, "export %s=%s\n", name, proc.Quote(vars[name]))
	}
	_, err = io.WriteString(c.App.Writer, b.String())
	return err
}

func runCommand(c *cli.Context) (err error) {
	args := c.Args().Slice()
	if len(args) == 0 {
		return &usageError{errors.New("run needs a command")}
	}
	cl, err := testbed.Start(c.Context, testbed.Options{Keep: c.Bool("keep"), NoNix: c.Bool("no-nix")})
	if err != nil {
		return err
	}
	defer func() {
		if serr := cl.Stop(); serr != nil {
			err = errors.Join(err, serr)
		} else if c.Bool("keep") {
			fmt.Fprintf(c.App.ErrWriter, "testbed: kept %s\n", cl.Dir)
		}
	}()
	p, err := proc.Start(c.Context, proc.Cmd{Path: args[0], Args: args[1:], Env: cl.Env(),
		Stdin: os.Stdin, Stdout: c.App.Writer, Stderr: c.App.ErrWriter}, false)
	if err != nil {
		return err
	}
	err = p.Wait()
	var perr *proc.Error
	switch {
	case c.Context.Err() != nil:
		return exitCode(130)
	case errors.As(err, &perr) && perr.ExitCode >= 0:
		return exitCode(perr.ExitCode)
	}
	return err
}
