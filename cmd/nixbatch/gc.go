package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/gc"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func gcCommand(s Streams) *cli.Command {
	return &cli.Command{
		Name: "gc", Usage: "let Nix collect the environments of runs that are over",
		Description: "Roots that a pending, running or requeued run needs stay, and so do those that nixbatch build made for no run.\n" +
			"Records stay too. The disk is freed by the next nix-collect-garbage. Exit codes: 0 done, 4 Slurm could not be asked\n" +
			"about a run: then nothing of that run's is dropped.",
		Flags: []cli.Flag{jsonFlag(), &cli.BoolFlag{Name: "dry-run", Usage: "say what would be dropped, and drop nothing"}},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			p, err := here()
			if err != nil {
				return err
			}
			return collect(c, s, p)
		},
	}
}

// gcJSON is what gc --json prints.
type gcJSON struct {
	Schema  string    `json:"schema"`
	Dropped []gc.Root `json:"dropped"`
	Kept    []gc.Root `json:"kept"`
	// Bytes is what only the dropped ones needed of this project; -1: not known.
	Bytes int64 `json:"bytes"`
	Dry   bool  `json:"dry_run"`
}

func collect(c *cli.Context, s Streams, p rundir.Project) error {
	ctx := c.Context
	if _, err := os.Stat(p.Dir); err != nil {
		return &fault.Error{Message: "there is nothing to collect here: no " + rundir.DirName, Way: "go to a directory from which jobs were submitted"}
	}
	release, err := p.LockRoots(ctx, true)
	if err != nil {
		return err
	}
	defer release()
	roots, serr := gc.Roots(ctx, p, newClient(), about())
	if roots == nil {
		return serr // the project cannot be read
	}
	out := gcJSON{Schema: "nixbatch/gc/v1", Dropped: []gc.Root{}, Kept: []gc.Root{}, Dry: c.Bool("dry-run")}
	for _, r := range roots {
		if r.Kept == "" {
			out.Dropped = append(out.Dropped, r)
		} else {
			out.Kept = append(out.Kept, r)
		}
	}
	out.Bytes = freed(ctx, p, out)
	if !out.Dry {
		for _, r := range out.Dropped {
			if err := gc.Drop(p, r); err != nil {
				return err
			}
		}
	}
	if c.Bool("json") {
		err = ui.PrintJSON(s.Out, out)
	} else {
		printGC(s, out)
	}
	if err == nil && serr != nil {
		return &slurmError{serr}
	}
	return err
}

// freed is the size in bytes of what the dropped roots alone keep.
func freed(ctx context.Context, p rundir.Project, g gcJSON) int64 {
	n := &nix.Nix{Runner: proc.System{}, Dir: p.Dir, LogDir: filepath.Join(p.Dir, "logs"), Environ: os.Environ()}
	need := map[string]bool{}
	for _, r := range g.Kept {
		paths, err := n.Closure(ctx, r.Path)
		if err != nil {
			return -1
		}
		for _, x := range paths {
			need[x.Path] = true
		}
	}
	var sum int64
	for _, r := range g.Dropped {
		if _, err := os.Stat(r.Path); err != nil {
			continue // collected already
		}
		paths, err := n.Closure(ctx, r.Path)
		if err != nil {
			return -1
		}
		for _, x := range paths {
			if !need[x.Path] {
				need[x.Path] = true
				sum += x.NarSize
			}
		}
	}
	return sum
}

func printGC(s Streams, g gcJSON) {
	verb := "dropped"
	if g.Dry {
		verb = "would drop"
	}
	for _, r := range g.Dropped {
		fmt.Fprintf(s.Out, "%s %s  of %s\n", verb, r.Path, count(len(r.Runs), "run"))
	}
	for _, r := range g.Kept {
		fmt.Fprintf(s.Out, "kept %s  %s\n", r.Path, r.Kept)
	}
	if len(g.Dropped) == 0 {
		fmt.Fprintln(s.Out, "nothing to drop")
		return
	}
	size := ""
	if g.Bytes >= 0 {
		size = ", up to " + ui.Bytes(g.Bytes)
	}
	fmt.Fprintf(s.Out, "%s %s%s: nix-collect-garbage frees what nothing else needs\n", verb, count(len(g.Dropped), "root"), size)
}

func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
