package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// start times what every command pays before it does anything, in turn with an
// empty static Go program: in time, and in the processor's time, which other
// programs of the machine do not prolong.
func (b *bed) start() error {
	const runs = 100
	fmt.Println("(f) the start of nixbatch against an empty static Go program")
	nothing := filepath.Join(filepath.Dir(b.nixbatch), "nothing")
	var version, versionCPU, look, lookCPU, floor, floorCPU pairs
	for range runs {
		empty, emptyCPU, err := cost(nothing)
		if err != nil {
			return err
		}
		v, vCPU, err := cost(b.nixbatch, "--version")
		if err != nil {
			return err
		}
		l, lCPU, err := cost(b.nixbatch, "look")
		if err != nil {
			return err
		}
		f, fCPU, err := cost(b.libraries())
		if err != nil {
			return err
		}
		floor.add(f, empty)
		floorCPU.add(fCPU, emptyCPU)
		version.add(v, empty)
		versionCPU.add(vCPU, emptyCPU)
		look.add(l, empty)
		lookCPU.add(lCPU, emptyCPU)
	}
	version.print("nixbatch --version", "nothing")
	versionCPU.print("nixbatch --version, CPU time", "nothing, CPU time")
	look.print("a look at the CPU", "nothing")
	lookCPU.print("a look at the CPU, CPU time", "nothing, CPU time")
	fmt.Println("  the floor of both: a program that does nothing, with the same libraries in it")
	floor.print("libraries", "nothing")
	floorCPU.print("libraries, CPU time", "nothing, CPU time")
	versionCPU.against(floorCPU)
	goals(map[string]goal{"nixbatch --version, CPU time,": {versionCPU, 2}, "a look at the CPU, CPU time,": {lookCPU, 2}})
	return nil
}

// libraries is the program that does nothing with nixbatch's libraries in it.
func (b *bed) libraries() string { return filepath.Join(filepath.Dir(b.nixbatch), "libraries") }

// cost is how long a program runs, and the CPU time that it takes.
func cost(path string, args ...string) (wall, cpu time.Duration, err error) {
	began := time.Now()
	p, err := proc.Start(context.Background(), proc.Cmd{Path: path, Args: args}, false)
	if err != nil {
		return 0, 0, err
	}
	err = p.Wait()
	return time.Since(began), p.State().UserTime() + p.State().SystemTime(), err
}
