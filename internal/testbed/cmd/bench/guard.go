package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// guard times the look at the CPUs before the payload: on one node it is the
// agent's own, here as a process of its own and so more than it costs; on four
// it is one step of srun, against a step that does nothing.
func (b *bed) guard() error {
	fmt.Println("(d) the look at the CPUs before the payload, on one node and on four")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	res, err := proc.System{}.Run(b.ctx, proc.Cmd{
		Path: "salloc", Args: []string{"--quiet", "--nodes=4", "--ntasks=4", "--mem=100M", self, "guard", b.nixbatch},
		Env: b.cluster.Env(), Dir: b.dir,
	})
	fmt.Print(string(res.Stdout))
	return err
}

// timeGuard runs within an allocation of four nodes.
func timeGuard(nixbatch string) error {
	const runs = 20
	step := []string{"--nodes=4", "--ntasks=4", "--ntasks-per-node=1", "--cpus-per-task=1", "--overlap", "--mem=0", "--mpi=none", "--input=none"}
	var one, four pairs
	for range runs {
		look, err := took(nixbatch, "look")
		if err != nil {
			return err
		}
		nothing, err := took("true")
		if err != nil {
			return err
		}
		one.add(look, nothing)
		all, err := took("srun", append(step[:len(step):len(step)], nixbatch, "look")...)
		if err != nil {
			return err
		}
		empty, err := took("srun", append(step[:len(step):len(step)], "true")...)
		if err != nil {
			return err
		}
		four.add(all, empty)
	}
	one.print("one node: a process that looks", "a process that does nothing")
	four.print("four nodes: a step that looks", "a step that does nothing")
	return nil
}

func took(path string, args ...string) (time.Duration, error) {
	began := time.Now()
	_, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: path, Args: args})
	return time.Since(began), err
}
