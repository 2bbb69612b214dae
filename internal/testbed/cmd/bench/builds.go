package main

import (
	"fmt"
	"path/filepath"
	"time"
)

const clusterJob = `name: bench-%s
environment:
  nixpkgs: {path: ../minipkgs}
  packages: [rhf]
optimize: {arch: %s, packages: [rhf, minilinalg]}
inputs: [cluster.xyz]
run: rhf cluster.xyz sto-3g
`

// builds times the generic build of the Hartree-Fock program against the one
// for this CPU, on a cluster of water molecules, with one thread.
func (b *bed) builds() error {
	const runs = 5
	fmt.Println("(c) Hartree-Fock on a water cluster, one thread: the generic build against the one for this CPU")
	envs := map[string]string{}
	best := ""
	for _, arch := range []string{"generic", "auto"} {
		name := arch + ".yaml"
		if err := b.job("cluster", name, fmt.Sprintf(clusterJob, arch, arch)); err != nil {
			return err
		}
		built, env, err := b.builtEnv("cluster", name)
		if err != nil {
			return err
		}
		envs[arch] = env
		if arch == "auto" {
			best = built
		}
	}
	one := func(arch string) (time.Duration, error) {
		return b.timed("cluster", filepath.Join(envs[arch], "bash"), "--noprofile", "--norc", "-c",
			". "+filepath.Join(envs[arch], "activate")+" && export OMP_NUM_THREADS=1 && rhf cluster.xyz sto-3g")
	}
	var p pairs
	for range runs {
		g, err := one("generic")
		if err != nil {
			return err
		}
		o, err := one("auto")
		if err != nil {
			return err
		}
		p.add(g, o)
	}
	p.print("generic", best)
	return nil
}
