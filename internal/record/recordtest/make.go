// Package recordtest makes run directories as runs leave them, for tests and
// benchmarks: small, complete, and without Slurm or Nix.
//
// It promises that what it makes verifies once it is sealed, and that something of
// everything that is private is in it.
package recordtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// What is private in the runs that Make makes.
const (
	User    = "mmustermann"
	Host    = "login7"
	Account = "chem-42"
	Node    = "n017"
)

// ID is the run id.
const ID = "water-20260102-030405-abcd"

// Now is when it was submitted.
var Now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Options changes the run.
type Options struct {
	Tasks    int           // 0: one
	Energy   float64       // 0: -74.942079928192
	Arch     string        // "": generic
	Version  string        // of the package in the closure; "": 1.0
	NoEnd    map[int]bool  // tasks without an end
	Attempts int           // of each task; 0: one
	Outputs  []facts.File  // beside water.out
	Jump     time.Duration // of the clock, between start and end
	Edit     func(*plan.Plan)
	Env      []facts.Var // of the job file
	EnvYAML  string      // the block as it stands there; "": a line each
	Changed  []facts.InputChange
	Faked    bool          // the CPU came from NIXBATCH_CPUINFO
	Sweep    []jobspec.Row // the tasks' values; Tasks has to be as many
	Private  []string      // names of Env and Sweep that are private
	// Numbers are those of a task; nil: the energy.
	Numbers func(task int) []facts.Number
	Marks   string // sweep: and private: as they stand in the job file
}

// TB is what of a testing.TB is needed here: a benchmark that is a program of its
// own makes runs, too.
type TB interface {
	Helper()
	Fatal(args ...any)
}

// Run is a run directory in a project.
type Run struct {
	Dir, Project, WorkDir string
}

func write(t TB, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func fact(t TB, file string, v any) {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, append(data, '\n'))
}

// Replace writes a fact of a run anew, or one more.
func Replace(t TB, r Run, name string, v any) {
	t.Helper()
	fact(t, filepath.Join(r.Dir, name), v)
}

func sum(s string) string { return digest.Bytes([]byte(s)) }

// SRI is a hash that looks like one.
func SRI(s string) string {
	d := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(d[:])
}

// Input and Output are the contents of the run's files.
func Input() string { return "3\nwater\nO 0 0 0\nH 0 0 1\nH 0 1 0\n" }

// Output is water.out for an energy.
func Output(e float64) string { return fmt.Sprintf("energy  %.12f hartree\n", e) }

// Make makes a run directory below dir, not sealed.
func Make(t TB, dir string, o Options) Run {
	t.Helper()
	if o.Tasks == 0 {
		o.Tasks = 1
	}
	if o.Energy == 0 {
		o.Energy = -74.942079928192
	}
	if o.Arch == "" {
		o.Arch = "generic"
	}
	if o.Version == "" {
		o.Version = "1.0"
	}
	r := Run{WorkDir: filepath.Join(dir, "water"), Project: filepath.Join(dir, "water", ".nixbatch")}
	r.Dir = filepath.Join(r.Project, "runs", ID)
	job := "name: water\nenvironment:\n  nixpkgs: {path: ../pkgs}\n  packages: [rhf]\nslurm:\n  account: " + Account +
		"\ninputs: [water.xyz]\noutputs: [water.out]\ncompare:\n  - {file: water.out, pattern: 'energy +(\\S+)', abs: 1e-9}\nrun: rhf water.xyz > water.out\n"
	if o.EnvYAML == "" && len(o.Env) > 0 {
		o.EnvYAML = "env:\n"
		for _, v := range o.Env {
			o.EnvYAML += fmt.Sprintf("  %s: %q\n", v.Name, v.Value)
		}
	}
	job = strings.Replace(job, "inputs:", o.EnvYAML+o.Marks+"inputs:", 1)
	script := "#!/bin/sh\n#SBATCH --chdir=" + r.WorkDir + "\n#SBATCH --account=" + Account + "\nexec agent " + r.Dir + "\n"
	write(t, filepath.Join(r.WorkDir, "water.xyz"), []byte(Input()))
	write(t, filepath.Join(r.WorkDir, "water.out"), []byte(Output(o.Energy)))
	write(t, filepath.Join(r.Dir, "job.yaml"), []byte(job))
	write(t, filepath.Join(r.Dir, "batch.sh"), []byte(script))
	write(t, filepath.Join(r.Dir, "run.sh"), []byte("rhf water.xyz > water.out\n"))
	look := facts.Look{File: "water.out", Pattern: `energy +(\S+)`, Abs: 1e-9}
	tool := facts.Tool{Version: "0.1.0"}
	hash := SRI("tree")
	expr := "fetchTarball { sha256 = \"" + hash + "\"; }\n"
	key := sha256.Sum256([]byte(expr))
	p := plan.Plan{
		Schema: plan.Schema, Name: "water", Job: sum(job), Tool: tool, System: "x86_64-linux", Packages: []string{"rhf"}, Strategy: "dispatch",
		Pins:     []plan.Pin{{Role: "nixpkgs", Kind: "path", Hash: hash, Store: store("tree", "source")}},
		Builds:   []plan.Build{{Arch: o.Arch, Why: "a test", Expression: expr, Key: hex.EncodeToString(key[:16])}},
		Classes:  []plan.Class{{Nodes: "n[016-018]", Count: 3, CPU: "Test CPU", Build: o.Arch, Why: "a test"}},
		Launcher: "none", Slurm: sbatch.Options{{Name: "account", Value: Account}, {Name: "ntasks", Value: "1"}},
		Inputs: []string{"water.xyz"}, Outputs: []string{"water.out"}, Compare: []facts.Look{look}, Run: "rhf water.xyz > water.out\n",
		Notes: []string{Node + " is slow, says " + User},
	}
	p.Env, p.Private = o.Env, o.Private
	if len(o.Sweep) > 0 {
		p.Sweep = &plan.Sweep{Tasks: o.Tasks, First: o.Sweep[0].String()}
		for _, v := range o.Sweep[0] {
			p.Sweep.Names = append(p.Sweep.Names, v.Name)
		}
		table, err := rundir.Table(o.Sweep)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(r.Dir, "sweep.json"), table)
	}
	if o.Edit != nil {
		o.Edit(&p)
	}
	fact(t, filepath.Join(r.Dir, "plan.json"), p)
	fact(t, filepath.Join(r.Dir, "intent.json"), facts.Intent{Schema: facts.IntentSchema, RunID: ID, Token: "nixbatch:" + ID, Time: Now, Tool: tool})
	fact(t, filepath.Join(r.Dir, "submit.json"), facts.Submit{Schema: facts.SubmitSchema, RunID: ID, JobID: 12, Time: Now, How: "sbatch",
		Script: sum(script), Job: sum(job), Tool: tool, Seed: "not declared", Priv: facts.SubmitPerson{User: User, Host: Host + ".example.org", Dir: r.WorkDir}})
	out, lib := store(o.Arch+o.Version, "nixbatch-env"), store(o.Arch+o.Version, "rhf-"+o.Version)
	env := facts.Environment{Schema: facts.EnvironmentSchema, Key: p.Builds[0].Key, Drv: out + ".drv", Out: out, System: p.System,
		Nix: facts.NixVersion{Implementation: "Nix", Version: "2.8.0"}, Time: Now, Tool: tool, Paths: []facts.StorePath{
			{Path: out, NarHash: SRI(out), NarSize: 120, References: []string{lib}, Deriver: out + ".drv"},
			{Path: lib, NarHash: SRI(lib), NarSize: 4096, References: []string{lib}}}}
	env.Priv.Host = Host
	fact(t, filepath.Join(r.Dir, "env", o.Arch+".json"), env)
	fact(t, filepath.Join(r.Dir, "result.json"), facts.Result{Schema: facts.ResultSchema, RunID: ID, State: "completed", Time: Now.Add(time.Hour)})
	fact(t, filepath.Join(r.Dir, "accounting.json"), facts.Accounting{Schema: facts.AccountingSchema, Time: Now.Add(time.Hour), Source: "sacct", Jobs: []facts.Accounted{
		{Ref: "12", Task: -1, State: "completed", Submit: Now, Start: Now, End: Now, Priv: facts.AccountedPerson{User: User, Account: Account, Nodes: []string{Node},
			SubmitLine: "sbatch --parsable --comment=nixbatch:" + ID + "," + seal.WitnessWord(seal.Submission(func(n string) ([]byte, error) { return durable.ReadFile(filepath.Join(r.Dir, n)) }))}}}})
	for task := range o.Tasks {
		for attempt := range max(o.Attempts, 1) {
			r.task(t, task, attempt, o, out)
		}
		write(t, filepath.Join(r.Dir, "logs", fmt.Sprintf("%d.log", task)), []byte("on "+Node+"\n"))
	}
	return r
}

func (r Run) task(t TB, task, attempt int, o Options, env string) {
	first := task / 1000 * 1000
	dir := filepath.Join(r.Dir, "tasks", fmt.Sprintf("%d-%d", first, first+999), fmt.Sprint(task), fmt.Sprintf("attempt-%d", attempt))
	at := Now.Add(time.Duration(attempt) * time.Minute)
	vars := append([]facts.Var{{Name: "OMP_NUM_THREADS", Value: "2", From: "threads"}}, o.Env...)
	outputs := slices.Clone(o.Outputs)
	if len(o.Sweep) > 0 {
		name := "out"
		for _, v := range o.Sweep[task] {
			vars = append(vars, facts.Var{Name: v.Name, Value: v.Value, From: "sweep"})
			name += "-" + v.Value
		}
		outputs = append(outputs, facts.File{Path: name + ".log", Skipped: "no such file"})
	}
	fact(t, filepath.Join(dir, "start.json"), facts.Start{
		Schema: facts.StartSchema, RunID: ID, Task: task, Attempt: attempt, JobID: 12, Time: at, Tool: facts.Tool{Version: "0.1.0"},
		Nodes: []facts.Node{{CPU: cpuflags.CPU{Arch: cpuflags.X86, Vendor: "AuthenticAMD", Family: 25, Model: 1, Name: "Test CPU", Flags: cpuflags.NewSet("sse2", "avx2", "fma")},
			Override: o.Faked, Kernel: "6.1.0", Count: 1, Machine: facts.Machine{Sockets: 2, Cores: 8, Threads: 1, NUMA: 2, MemoryKB: 1 << 24}}},
		Build: facts.Chosen{Arch: o.Arch, Env: env, Tried: []string{o.Arch}}, Threads: 2, Affinity: []int{0, 1},
		Vars:   vars,
		Inputs: []facts.File{{Path: "water.xyz", Size: int64(len(Input())), SHA256: sum(Input())}},
		Priv:   facts.StartPrivate{Nodes: []string{Node}, WorkDir: r.WorkDir, Hostname: Node, Home: "/home/" + User},
	})
	if o.NoEnd[task] {
		return
	}
	text := Output(o.Energy)
	found := []facts.Number{{Look: facts.Look{File: "water.out", Pattern: `energy +(\S+)`, Abs: 1e-9}, Values: []facts.Float{facts.Float(o.Energy)}}}
	if o.Numbers != nil {
		found = o.Numbers(task)
	}
	fact(t, filepath.Join(dir, "end.json"), facts.End{
		Schema: facts.EndSchema, RunID: ID, Task: task, Attempt: attempt, Time: at.Add(10*time.Second + o.Jump), Elapsed: 9.5, UserTime: 9, MaxRSS: 1000,
		Outputs: append([]facts.File{{Path: "water.out", Size: int64(len(text)), SHA256: sum(text)}}, outputs...),
		Changed: o.Changed,
		Numbers: found,
	})
}

// store is a store path that looks like one.
func store(seed, name string) string {
	const digits = "0123456789abcdfghijklmnpqrsvwxyz"
	d := sha256.Sum256([]byte(seed + name))
	b := make([]byte, 32)
	for i := range b {
		b[i] = digits[d[i]%32]
	}
	return "/nix/store/" + string(b) + "-" + name
}

// Seal seals the run.
func (r Run) Seal(t TB) *seal.Seal {
	t.Helper()
	s, err := seal.Dir(r.Dir, ID, seal.NewSalt(), facts.Tool{Version: "0.1.0"}, Now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
