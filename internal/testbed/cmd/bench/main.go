// Command bench measures nixbatch against doing without it, side by side in one
// run, and prints ratios with their spread. Nothing here passes or fails.
//
//	bench NIXBATCH EXAMPLES [LETTER…]
//
// On a private cluster it times (a) a warm submit against bare sbatch of the
// same script, and counts the Nix programs that the submit started; (b) the way
// from the start of a batch script to the user's first line, against a plain
// bash script and against nix-shell on the same derivation; (c) the generic
// builds of programs in C, Fortran and C++ against those for this CPU, and these
// against -march=native; (d) the look at
// the CPUs before the payload, on one node and on four; (e) plans with a pin of
// 44,000 files: a warm one against one with a small pin, a first one against
// nix-instantiate of the same shell; (f), first, the start of nixbatch itself
// against build/nothing, an empty program; (g) what sealing, verifying, exporting,
// showing and comparing records of 1,000 and of 10,000 tasks takes for each task,
// and the most memory in use at a time, side by side; (h) what a task's directory of
// its own costs with ten small inputs.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "first-line" {
		exit(timeFirstLines(os.Args[2], os.Args[3]))
	}
	if len(os.Args) == 3 && os.Args[1] == "guard" {
		exit(timeGuard(os.Args[2]))
	}
	if len(os.Args) == 4 && os.Args[1] == "record" {
		exit(doAct(os.Args[2], os.Args[3]))
	}
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: bench NIXBATCH EXAMPLES [LETTER…]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	exit(bench(ctx, os.Args[1], os.Args[2], os.Args[3:]))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bed is the cluster and the job directory of the benchmarks.
type bed struct {
	ctx      context.Context
	cluster  *testbed.Cluster
	nixbatch string
	dir      string // holds copies of the examples
}

// bench runs the parts with these letters; none means all.
func bench(ctx context.Context, nixbatch, examples string, letters []string) (err error) {
	if nixbatch, err = filepath.Abs(nixbatch); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "nixbatch-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS(examples)); err != nil {
		return err
	}
	c, err := testbed.Start(ctx, testbed.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if serr := c.Stop(); err == nil {
			err = serr
		}
	}()
	b := &bed{ctx, c, nixbatch, dir}
	for _, part := range []struct {
		letter string
		run    func() error
	}{{"f", b.start}, {"a", b.submit}, {"b", b.firstLine}, {"c", b.builds}, {"d", b.guard}, {"e", b.plans}, {"g", b.records}, {"h", b.staging}} {
		if len(letters) > 0 && !slices.Contains(letters, part.letter) {
			continue
		}
		if err := part.run(); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

// run runs a program in a directory below the examples.
func (b *bed) run(dir, path string, args ...string) ([]byte, error) {
	res, err := proc.System{}.Run(b.ctx, proc.Cmd{Path: path, Args: args, Env: b.cluster.Env(), Dir: filepath.Join(b.dir, dir)})
	return res.Stdout, err
}

// timed is run, and how long it took.
func (b *bed) timed(dir, path string, args ...string) (time.Duration, error) {
	began := time.Now()
	_, err := b.run(dir, path, args...)
	return time.Since(began), err
}

// job writes a job file into the directory.
func (b *bed) job(dir, name, text string) error {
	if err := os.MkdirAll(filepath.Join(b.dir, dir), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.dir, dir, name), []byte(text), 0o644)
}

// builtEnv builds a job file and returns the store path of its one build.
func (b *bed) builtEnv(dir, file string) (arch, env string, err error) {
	out, err := b.run(dir, b.nixbatch, "build", "--local", "--json", file)
	if err != nil {
		return "", "", err
	}
	var v struct {
		Builds map[string]string `json:"builds"`
	}
	if err := json.Unmarshal(out, &v); err != nil {
		return "", "", err
	}
	for arch, env = range v.Builds {
	}
	return arch, env, nil
}
