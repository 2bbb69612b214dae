package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
)

const lineJob = `name: bench-line
environment:
  nixpkgs: {path: ../minipkgs}
  packages: [rhf]
optimize: {arch: auto, packages: [rhf, minilinalg]}
slurm: {ntasks: 1, mem: 100M, time: "5"}
run: echo first
`

// firstLine times, on a node inside a job, the way from the start of a batch
// script to the user's first line.
func (b *bed) firstLine() error {
	fmt.Println("(b) from the start of the batch script to the user's first line, on a node")
	if err := b.job("water", "line.yaml", lineJob); err != nil {
		return err
	}
	out, err := b.run("water", b.nixbatch, "submit", "--wait", "--json", "line.yaml")
	if err != nil {
		return err
	}
	var first struct {
		RunDir string            `json:"run_dir"`
		Builds map[string]string `json:"builds"`
	}
	if err := json.Unmarshal(out, &first); err != nil {
		return err
	}
	env := ""
	for _, env = range first.Builds {
	}
	drv, err := b.run("water", "nix-store", "-q", "--deriver", env)
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "lines")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	bash, err := filepath.EvalSymlinks(filepath.Join(env, "bash"))
	if err != nil {
		return err
	}
	scripts := map[string]string{
		"plain": "#!/bin/bash\necho first\n",
		// NIX_BUILD_SHELL keeps nix-shell from looking for <nixpkgs>.
		"nix-shell": "#!/bin/bash\nNIX_BUILD_SHELL=" + bash + " exec nix-shell --pure " + string(drv[:len(drv)-1]) + " --run 'echo first'\n",
	}
	// What no agent can do without: a shell for the batch script, a program with
	// the same libraries, and the pinned bash with the environment.
	scripts["floor"] = "#!/bin/sh\n" + proc.Quote(b.libraries()) + "\nexec " + proc.Quote(bash) + " --noprofile --norc -c '. " + env + "/activate; echo first'\n"
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	res, err := proc.System{}.Run(b.ctx, proc.Cmd{
		Path: "srun", Args: []string{"--ntasks=1", "--cpus-per-task=2", "--mem=500M", self, "first-line", first.RunDir, dir},
		Env: b.cluster.Env(), Dir: filepath.Join(b.dir, "water"), Stderr: os.Stderr,
	})
	fmt.Print(string(res.Stdout))
	return err
}

// timeFirstLines runs on the node: the three scripts in turn.
func timeFirstLines(runDir, dir string) error {
	const runs = 20
	ours := filepath.Join(runDir, "batch.sh")
	// The agent takes none but its own job's start: it is told that job's id.
	data, err := os.ReadFile(filepath.Join(runDir, "submit.json"))
	if err != nil {
		return err
	}
	var job struct {
		ID int64 `json:"job_id"`
	}
	if err := json.Unmarshal(data, &job); err != nil {
		return err
	}
	var plain, shell, floor pairs
	// Every start of a task needs an attempt of its own.
	for i := range runs {
		us, err := toFirstLine(ours, fmt.Sprintf("SLURM_JOB_ID=%d", job.ID), fmt.Sprintf("SLURM_RESTART_COUNT=%d", i+1))
		if err != nil {
			return err
		}
		bash, err := toFirstLine(filepath.Join(dir, "plain"))
		if err != nil {
			return err
		}
		nix, err := toFirstLine(filepath.Join(dir, "nix-shell"))
		if err != nil {
			return err
		}
		least, err := toFirstLine(filepath.Join(dir, "floor"))
		if err != nil {
			return err
		}
		floor.add(least, bash)
		plain.add(us, bash)
		shell.add(us, nix)
	}
	plain.print("nixbatch", "plain bash")
	shell.print("nixbatch", "nix-shell on the same derivation")
	fmt.Println("  the floor: sh, a program that does nothing with the same libraries, the pinned bash with the environment")
	floor.print("floor", "plain bash")
	plain.against(floor)
	goals(map[string]goal{"the first line": {plain, 3.5}})
	return nil
}

// toFirstLine is the time from the start of a script to its line "first".
func toFirstLine(script string, env ...string) (time.Duration, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	began := time.Now()
	p, err := proc.Start(context.Background(), proc.Cmd{Path: script, Env: append(os.Environ(), env...), Stdout: w}, false)
	w.Close()
	if err != nil {
		return 0, err
	}
	in := bufio.NewReader(r)
	line, err := in.ReadString('\n')
	took := time.Since(began)
	if err != nil || line != "first\n" {
		return 0, fmt.Errorf("%s printed %q first (%w)", script, line, err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return 0, err
	}
	return took, p.Wait()
}
