package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

// TestScript is the contract with users: what they type, what they see, which
// exit code they get. Every script says why it exists.
func TestScript(t *testing.T) {
	t.Parallel()
	c := bed(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			vars, err := place(c, e.WorkDir)
			if err != nil {
				return err
			}
			for _, kv := range vars {
				name, value, _ := strings.Cut(kv, "=")
				e.Setenv(name, value)
			}
			e.Setenv("BED", c.Dir)
			return shims(e.WorkDir, filepath.Join(e.WorkDir, ".shims"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"jobs":    func(ts *testscript.TestScript, neg bool, args []string) { jobs(c, ts, neg, args) },
			"runs":    runDirs,
			"json":    jsonField,
			"waitfor": waitFor,
			"cpuinfo": func(ts *testscript.TestScript, neg bool, args []string) { fakeNodes(c, ts, neg, args) },
		},
	})
}

// exits CODE PROGRAM [ARG...] runs a program that has to end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var ee *exec.ExitError
	if errors.As(err, &ee) {
		code = ee.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// jobs NAME N checks that the real queue knows N jobs of that name, ended ones
// too.
func jobs(c *testbed.Cluster, ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: jobs NAME N")
	}
	ids, err := queued(c, args[0])
	ts.Check(err)
	if strconv.Itoa(len(ids)) != args[1] {
		ts.Fatalf("the queue has %d jobs called %s (%v), want %s", len(ids), args[0], ids, args[1])
	}
}

// queued asks the real queue. A job that Slurm refused for want of nodes is
// there as one that failed without ever having been given any.
func queued(c *testbed.Cluster, name string) ([]slurm.Job, error) {
	client := slurm.Client{Env: c.Env()}
	all, err := client.Queue(context.Background(), slurm.Query{Name: name})
	return slices.DeleteFunc(all, func(j slurm.Job) bool {
		_, past := cancelled.Load(c.Dir + fmt.Sprint(j.ID))
		return past || j.State == slurm.Failed && j.Nodes == ""
	}), err
}

// cancelled are jobs of tests that are over: Slurm shows them for a while, and a
// test that is run again has jobs of the same names.
var cancelled sync.Map

// runs N checks the number of run directories, half-made ones too.
func runDirs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: runs N")
	}
	entries, err := os.ReadDir(ts.MkAbs(".nixbatch/runs"))
	if err != nil && !os.IsNotExist(err) {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(len(entries)) != args[0] {
		ts.Fatalf("%d run directories (%v), want %s", len(entries), entries, args[0])
	}
}

// json FILE PATH [VALUE] checks one field of the one JSON document in a file
// (or stdout), such as runs.0.state; without VALUE the field has to be there.
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: json FILE PATH [VALUE]")
	}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		ts.Fatalf("%s is not JSON: %v", args[0], err)
	}
	if dec.More() {
		ts.Fatalf("%s has something behind its JSON", args[0])
	}
	for _, key := range strings.Split(args[1], ".") {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				doc = nil
				break
			}
			doc = v[i]
		default:
			doc = nil
		}
	}
	got := fmt.Sprint(doc)
	there := doc != nil && (len(args) == 2 || got == args[2])
	if there == neg {
		ts.Fatalf("%s of %s is %s", args[1], args[0], got)
	}
}

// waitfor FILE [TEXT] waits until a file is there and has the text.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfor FILE [TEXT]")
	}
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		names, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		if slices.ContainsFunc(names, func(name string) bool {
			data, err := os.ReadFile(name)
			return err == nil && (len(args) == 1 || strings.Contains(string(data), args[1]))
		}) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v is not there after %s", args, patience)
		}
	}
}

// cpuinfo DIR [NODE=FILE...] makes a directory of simulated CPUs like the
// cluster's, with other ones for the nodes named.
func fakeNodes(c *testbed.Cluster, ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: cpuinfo DIR [NODE=FILE...]")
	}
	dir := ts.MkAbs(args[0])
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		ts.Check(os.CopyFS(dir, os.DirFS(filepath.Join(c.Dir, "cpuinfo"))))
	}
	for _, a := range args[1:] {
		node, file, _ := strings.Cut(a, "=")
		data, err := os.ReadFile(cpuinfo(file))
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Join(dir, node), data, 0o600))
	}
}

// shims makes directories that a script can put on PATH, alone or in front:
// slurm/ has Slurm's commands and nothing else; nodes/ has an sbatch that tells
// jobs which CPUs the nodes have ($WORK/cpus), while the machine that submits
// does not know, as on a real cluster.
func shims(work, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "nodes"), 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "slurm"), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"sbatch", "squeue", "sacct", "scancel", "sinfo", "srun", "scontrol"} {
		path, err := exec.LookPath(name)
		if err != nil {
			return err
		}
		if err := os.Symlink(path, filepath.Join(dir, "slurm", name)); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("#!/bin/sh\nNIXBATCH_CPUINFO=%s exec %s \"$@\"\n",
		proc.Quote(filepath.Join(work, "cpus")), proc.Quote(filepath.Join(dir, "slurm", "sbatch")))
	return os.WriteFile(filepath.Join(dir, "nodes", "sbatch"), []byte(text), 0o700)
}
