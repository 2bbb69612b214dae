package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// kernel is a program whose speed is compared, and the packages built for the
// CPU for its sake.
type kernel struct {
	name, language string
	command        string
	packages       []string
}

var kernels = []kernel{
	{"rhf", "C", "rhf cluster.xyz sto-3g", []string{"rhf", "minilinalg"}},
	{"heat3d", "Fortran", "heat3d 64 1500", []string{"heat3d"}},
	{"ljmd", "C++", "ljmd 6 200", []string{"ljmd"}},
}

const kernelJob = `name: bench-%s
environment:
  nixpkgs: {path: ../minipkgs}
  packages: [%s]
optimize: {arch: %s, packages: [%s]}
inputs: [cluster.xyz]
run: |
  %s
`

// nativeJob is the same source with the compiler's own look at this machine:
// what no pinned build may do, as a yardstick.
const nativeJob = `name: bench-%s-native
environment:
  nixpkgs: {path: ../minipkgs}
  overlays: [{path: ../native}]
  packages: [%s]
inputs: [cluster.xyz]
run: |
  %s
`

const nativeOverlay = `final: prev:
builtins.listToAttrs (map (name: {
  inherit name;
  value = prev.${name}.overrideAttrs (old: { NIX_CFLAGS_COMPILE = "-march=native"; });
}) [ "rhf" "minilinalg" "heat3d" "ljmd" ])
`

// variants are the columns; the last one is the yardstick of the others.
var variants = []string{"generic", "auto", "native"}

// builds times, for a program in C, in Fortran and in C++, the generic build, the
// one for this CPU, and the same source built with -march=native on this
// machine, with one thread. The runs take turns, each round beginning with
// another one; what is compared is the CPU time of the process.
func (b *bed) builds() error {
	fmt.Println("(c) one thread: the generic build, the one for this CPU, and the same source with -march=native")
	if err := b.job("native", "default.nix", nativeOverlay); err != nil {
		return err
	}
	for _, k := range kernels {
		if err := b.kernel(k); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
	}
	return nil
}

func (b *bed) kernel(k kernel) error {
	const rounds = 7
	envs, names := map[string]string{}, map[string]string{"native": "-march=native"}
	for _, v := range variants {
		text := fmt.Sprintf(kernelJob, k.name, k.name, v, strings.Join(k.packages, ", "), k.command)
		if v == "native" {
			text = fmt.Sprintf(nativeJob, k.name, k.name, k.command)
		}
		file := k.name + "-" + v + ".yaml"
		if err := b.job("cluster", file, text); err != nil {
			return err
		}
		built, env, err := b.builtEnv("cluster", file)
		if err != nil {
			return err
		}
		envs[v] = env
		if v != "native" {
			names[v] = built
		}
	}
	times := map[string][]time.Duration{}
	for round := range rounds {
		for i := range variants {
			v := variants[(i+round)%len(variants)]
			d, err := b.cpuTime("cluster", filepath.Join(envs[v], "bash"), "--noprofile", "--norc", "-c",
				". "+filepath.Join(envs[v], "activate")+" && export OMP_NUM_THREADS=1 && exec "+k.command)
			if err != nil {
				return err
			}
			times[v] = append(times[v], d)
		}
	}
	fmt.Printf("  %s (%s)\n", k.command, k.language)
	for _, v := range variants {
		fmt.Printf("    %-40s %s ms of CPU time\n", names[v], spread(milliseconds(times[v])))
	}
	best := speed(times["native"], times["auto"])
	fmt.Printf("    %-40s %s\n", "speed, -march=native being 1", spread(best))
	fmt.Printf("    %-40s %s\n", "speed, the generic build being 1", spread(speed(times["generic"], times["auto"])))
	same, err := b.sameCode(k.name, envs["auto"], envs["native"])
	if err != nil {
		return err
	}
	verdict := "met"
	if median(best) < nativeGoal {
		verdict = "not met"
	}
	fmt.Printf("    the goal of %.2f of -march=native is %s; the two programs' machine code is %s\n", nativeGoal, verdict, same)
	return nil
}

// nativeGoal is the speed that a build for this CPU is to reach, -march=native
// being 1.
const nativeGoal = 0.97

// sameCode compares what the compiler made of a program in two environments: a
// witness that no noise of the machine touches.
func (b *bed) sameCode(name, one, other string) (string, error) {
	var code [2][]byte
	for i, env := range []string{one, other} {
		out, err := b.run("cluster", filepath.Join(env, "bash"), "--noprofile", "--norc", "-c",
			". "+filepath.Join(env, "activate")+" && type -P "+name)
		if err != nil {
			return "", err
		}
		f, err := elf.Open(strings.TrimSpace(string(out)))
		if err != nil {
			return "", err
		}
		defer f.Close()
		text := f.Section(".text")
		if text == nil {
			return "", fmt.Errorf("%s has no code", name)
		}
		if code[i], err = text.Data(); err != nil {
			return "", err
		}
	}
	if bytes.Equal(code[0], code[1]) {
		return "the same", nil
	}
	return "not the same", nil
}

// speed is how fast a build is, round by round, a yardstick being 1.
func speed(yardstick, build []time.Duration) []float64 {
	out := make([]float64, len(build))
	for i := range build {
		out[i] = yardstick[i].Seconds() / build[i].Seconds()
	}
	return out
}

// cpuTime is run, and the user and system time that it took.
func (b *bed) cpuTime(dir, path string, args ...string) (time.Duration, error) {
	p, err := proc.Start(b.ctx, proc.Cmd{Path: path, Args: args, Env: b.cluster.Env(), Dir: filepath.Join(b.dir, dir), Stdout: io.Discard}, false)
	if err != nil {
		return 0, err
	}
	if err := p.Wait(); err != nil {
		return 0, err
	}
	return p.State().UserTime() + p.State().SystemTime(), nil
}
