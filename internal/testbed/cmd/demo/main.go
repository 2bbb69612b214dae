// Command demo shows the whole way of a job on one machine: it starts a private
// Slurm cluster, submits examples/water with the nixbatch given, waits, and
// prints the energy beside the published one and what the record says.
//
//	demo NIXBATCH EXAMPLES DIR
//
// The job and its record stay in DIR; the cluster is taken down at the end,
// also after a failure or an interrupt.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// published is the energy of water in STO-3G, in hartree, at the geometry of
// examples/water/water.xyz: T. D. Crawford's programming projects, project 3.
const published = -74.942079928192

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: demo NIXBATCH EXAMPLES DIR")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := demo(ctx, os.Args[1], os.Args[2], os.Args[3])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

// submitted is the part of submit --json that is shown.
type submitted struct {
	RunDir string `json:"run_dir"`
	JobID  int64  `json:"job_id"`
	State  string `json:"state"`
	Steps  []struct {
		Name    string  `json:"name"`
		Seconds float64 `json:"seconds"`
	} `json:"steps"`
	Start struct {
		Threads int `json:"threads_per_task"`
		Build   struct {
			Arch string `json:"arch"`
		} `json:"build"`
		Nodes []struct {
			CPU struct {
				Name string `json:"name"`
			} `json:"cpu"`
		} `json:"nodes"`
		Private struct {
			Nodes []string `json:"nodes"`
		} `json:"private"`
	} `json:"start"`
}

func demo(ctx context.Context, nixbatch, examples, dir string) (err error) {
	nixbatch, err = filepath.Abs(nixbatch)
	if err != nil {
		return err
	}
	if err := fresh(examples, dir); err != nil {
		return err
	}
	fmt.Println("starting a private Slurm cluster of six nodes on this machine ...")
	began := time.Now()
	c, err := testbed.Start(ctx, testbed.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if serr := c.Stop(); err == nil {
			err = serr
		}
	}()
	up := time.Since(began)
	water := filepath.Join(dir, "water")
	run := func(args ...string) ([]byte, error) {
		fmt.Printf("\n$ nixbatch %s\n", strings.Join(args, " "))
		cmd := proc.Cmd{Path: nixbatch, Args: args, Env: c.Env(), Dir: water, Stderr: os.Stderr}
		if args[0] != "submit" {
			cmd.Stdout = os.Stdout
		}
		res, err := proc.System{}.Run(ctx, cmd)
		return res.Stdout, err
	}
	began = time.Now()
	if _, err := run("nodes", "--probe"); err != nil {
		return err
	}
	probe := time.Since(began)
	if _, err := run("plan", "water.yaml"); err != nil {
		return err
	}
	out, err := run("submit", "--wait", "--json", "water.yaml")
	if err != nil {
		return err
	}
	var s submitted
	if err := json.Unmarshal(out, &s); err != nil {
		return fmt.Errorf("what submit printed: %w", err)
	}
	energy, err := energyIn(filepath.Join(water, "water.out"))
	if err != nil {
		return err
	}
	fmt.Printf("\njob %d %s\n\n", s.JobID, s.State)
	fmt.Printf("energy, this run   %.12f hartree\n", energy)
	fmt.Printf("energy, published  %.12f hartree (T. D. Crawford, programming project 3)\n", published)
	fmt.Printf("difference         %.1e hartree\n", math.Abs(energy-published))
	fmt.Printf("build              %s, on %s (%s)\n", s.Start.Build.Arch, s.Start.Nodes[0].CPU.Name, strings.Join(s.Start.Private.Nodes, " "))
	fmt.Printf("threads            %d\n", s.Start.Threads)
	fmt.Printf("record             %s\n\n", s.RunDir)
	fmt.Printf("seconds            cluster %.2f, probe %.2f", up.Seconds(), probe.Seconds())
	for _, st := range s.Steps {
		fmt.Printf(", %s %.2f", st.Name, st.Seconds)
	}
	fmt.Println()
	if math.Abs(energy-published) > 1e-9 {
		return fmt.Errorf("the energy is not the published one")
	}
	return nil
}

// fresh copies the examples that the demo needs into an empty dir.
func fresh(examples, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, name := range []string{"water", "minipkgs"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(examples, name))); err != nil {
			return err
		}
	}
	return nil
}

func energyIn(path string) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if w := strings.Fields(lines.Text()); len(w) == 3 && w[0] == "energy" && w[2] == "hartree" {
			return strconv.ParseFloat(w[1], 64)
		}
	}
	return 0, fmt.Errorf("%s has no energy in it", path)
}
