// Package plan decides everything about a run before anything is done.
//
// It promises to be pure: no clock, no files, no processes; the same inputs
// give the same plan, byte for byte in JSON. It never changes what the job file
// says without a note in the plan.
package plan

import (
	"slices"
	"sort"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/resources"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/internal/tuning"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Schema is the name of the plan's JSON.
const Schema = facts.PlanSchema

// Input is all that a plan is made from.
type Input struct {
	Spec     *jobspec.Spec
	Nixpkgs  nixsource.Source
	Overlays []nixsource.OverlaySource
	Classes  []cluster.Class // where the job may land; for a local run, this machine alone
	Local    bool
	Builder  cpuflags.CPU // the machine that builds
	Info     nix.PinInfo  // what the pin's compiler and its table know
	System   string       // "x86_64-linux"
	Tool     facts.Tool
	Site     *site.Config  // nil: the site settles nothing
	Tasks    []jobspec.Row // of a sweep
	Files    []facts.File  // that the inputs are now, with their sizes; sorted by path
}

// Plan is what will happen, and why.
type Plan struct {
	Schema   string     `json:"schema"`
	Name     string     `json:"name"`
	Job      string     `json:"job_sha256"`
	Tool     facts.Tool `json:"tool"`
	System   string     `json:"system"`
	Local    bool       `json:"local"`
	Compiler string     `json:"compiler,omitempty"` // version of the pin's GCC
	Pins     []Pin      `json:"pins"`
	Packages []string   `json:"packages"`
	Strategy string     `json:"strategy"`
	Builds   []Build    `json:"builds"` // best first; the node takes the first it can run
	Classes  []Class    `json:"classes"`
	Threads  Threads    `json:"threads"`
	// Resources is the tasks, and what one of them may use.
	Resources resources.Layout `json:"resources"`
	Launcher  string           `json:"launcher"`
	Slurm     sbatch.Options   `json:"slurm"`
	Env       []facts.Var      `json:"env,omitempty"`
	// Private are names of Env and of the sweep whose values leave the site in no
	// redacted export.
	Private    []string     `json:"private_names,omitempty"`
	Inputs     []string     `json:"inputs"`
	Outputs    []string     `json:"outputs"`
	Compare    []facts.Look `json:"compare,omitempty"` // numbers: of the job file
	Sweep      *Sweep       `json:"sweep,omitempty"`
	After      []string     `json:"after,omitempty"` // runs, as the job file names them
	Checkpoint *Checkpoint  `json:"checkpoint,omitempty"`
	Scratch    *Scratch     `json:"scratch,omitempty"`
	// Workdir is "own" or "shared", Home "own" or "user"; "" of an older nixbatch is
	// the latter.
	Workdir string `json:"workdir,omitempty"`
	Home    string `json:"home,omitempty"`
	Kept    *Kept  `json:"kept,omitempty"` // with a directory of its own
	// InputsSHA256 is that of inputs.json, in the plan of a run.
	InputsSHA256 string   `json:"inputs_sha256,omitempty"`
	Run          string   `json:"run"`
	Notes        []string `json:"notes,omitempty"`

	Tasks []jobspec.Row `json:"-"` // of a sweep: they have a file of their own
}

// Pin is one pinned tree.
type Pin struct {
	Role  string `json:"role"` // "nixpkgs" or "overlay"
	Kind  string `json:"kind"` // "github", "url", "git" or "path"
	From  string `json:"from,omitempty"`
	Rev   string `json:"rev,omitempty"`
	Hash  string `json:"hash"` // SRI of the tree's NAR
	File  string `json:"file,omitempty"`
	Store string `json:"store_path"`
}

// Build is one environment to be made.
type Build struct {
	Arch       string   `json:"arch"` // a cpuflags.Build's text; "generic" is the build without -march
	Tune       string   `json:"tune,omitempty"`
	Options    []string `json:"options,omitempty"` // the -mno- options that go with it
	NoTests    bool     `json:"tests_off,omitempty"`
	Why        string   `json:"why"`
	Expression string   `json:"expression"`
	Key        string   `json:"key"` // of the expression's text: nix.Expr.Hash
	// Needs is the name that the package set itself gives compilers as -march for some
	// derivations, where a CPU that can run Arch may not have what it asks for.
	Needs string `json:"needs,omitempty"`
	// Reach says whom each name of optimize.packages reaches, in their order; Rebuilt
	// is what lies between the names and the environment, names of derivations, sorted.
	// They are known once the build was evaluated: Tell.
	Reach   []Reach  `json:"reach,omitempty"`
	Rebuilt []string `json:"rebuilt,omitempty"`

	Expr nix.Expr `json:"-"`
	Env  nix.Env  `json:"-"`
	// Recorded says that the build is one of an earlier run, which was told of there.
	Recorded bool `json:"-"`
}

// Class is one class of nodes in the plan.
type Class struct {
	Nodes       string            `json:"nodes"` // a host list
	Count       int               `json:"count"`
	Layout      string            `json:"layout,omitempty"` // of a node, for people: sockets × cores × threads
	Sockets     int               `json:"sockets,omitempty"`
	CoresSocket int               `json:"cores_per_socket,omitempty"`
	MemoryMiB   int64             `json:"memory_mib,omitempty"`
	CPUs        int               `json:"cpus,omitempty"` // of a node, as Slurm counts them
	ThreadsCore int               `json:"threads_per_core"`
	Features    []string          `json:"features,omitempty"`
	CPU         string            `json:"cpu"` // "" when nothing is known
	From        string            `json:"cpu_from,omitempty"`
	Level       string            `json:"level,omitempty"`
	Best        string            `json:"best,omitempty"`
	Build       string            `json:"build"` // "" when no build can run there
	Why         string            `json:"why"`
	SoftMissing []string          `json:"soft_missing,omitempty"`
	Not         []cpuflags.WhyNot `json:"not,omitempty"`
}

// Make makes the plan. A *fault.Error says why there can be none.
func Make(in Input) (*Plan, error) {
	s := in.Spec
	p := &Plan{
		Schema: Schema, Name: s.Name, Job: digest.Bytes(s.Bytes), Tool: in.Tool, System: in.System,
		Local: in.Local, Compiler: in.Info.GCC, Packages: s.Environment.Packages, Strategy: s.Optimize.Strategy,
		Launcher: s.Launcher, Inputs: orEmpty(s.Inputs), Outputs: orEmpty(s.Outputs), Run: s.Run,
		Private: s.Private, Workdir: s.Workdir, Home: s.Home,
	}
	p.keep(in)
	for _, c := range s.Numbers {
		p.Compare = append(p.Compare, facts.Look(c))
	}
	p.Pins = append(p.Pins, pinOf("nixpkgs", in.Nixpkgs))
	for _, o := range in.Overlays {
		q := pinOf("overlay", o.Source)
		q.File = o.File
		p.Pins = append(p.Pins, q)
	}
	for _, e := range s.Env {
		p.Env = append(p.Env, facts.Var{Name: e.Name, Value: e.Value, From: "job file"})
	}
	opts := s.Slurm
	if !in.Local {
		var err error
		if opts, p.Notes, err = in.Site.Apply(opts); err != nil {
			return nil, err
		}
	}
	asked, err := Request(opts, in.Local)
	if err != nil {
		return nil, err
	}
	if !in.Local {
		if err := possible(opts, asked, in.Classes); err != nil {
			return nil, err
		}
	}
	ch, err := choose(in, opts, asked)
	if err != nil {
		return nil, err
	}
	p.Classes, p.Slurm, p.Notes = ch.classes(), ch.opts, append(p.Notes, ch.notes...)
	for _, b := range ch.builds {
		b.Env = in.env(b)
		ex := nix.Expression(b.Env)
		b.Expression, b.Key, b.Expr = ex.Text, ex.Hash, ex
		p.Builds = append(p.Builds, b)
	}
	if p.Threads, p.Resources, err = threadsFor(s, asked, ch.kept(), in.Local); err != nil {
		return nil, err
	}
	p.Notes = append(p.Notes, p.Threads.notes...)
	if err := p.long(in); err != nil {
		return nil, err
	}
	return p, nil
}

func (in Input) env(b Build) nix.Env {
	s := in.Spec
	e := nix.Env{
		// The job's name stays out: another name is not another environment.
		Name: "nixbatch", System: in.System, Nixpkgs: in.Nixpkgs, Overlays: in.Overlays,
		Config: s.Environment.Config, Packages: s.Environment.Packages, Arch: b.Arch, Tune: b.Tune,
		OptimizePackages: s.Optimize.Packages, OptimizeConfig: s.Optimize.Config, NoTests: b.NoTests,
		Reach: s.Optimize.Reach, Override: s.Optimize.Override,
	}
	if off, value, ok := tuning.Off(s.Optimize.Config); ok {
		e.ConfigOff, e.ConfigOffValue = off, value
	}
	if len(s.Optimize.Packages) > 0 {
		e.Known, e.Aliases = tuning.Arguments(b.Arch), tuning.Aliases(s.Optimize.Packages)
	}
	if build, ok := cpuflags.ParseBuild(b.Arch); ok && len(b.Options) > 0 {
		l := limitsOf(in)
		e.Arch, e.Options, e.Compiler, e.Whole = build.Base, b.Options, in.Info.GCC, build.Whole(l)
		e.WholeTune = cpuflags.Tune(e.Whole, nil, l)
	}
	return e
}

// BuildFor is the build made for an arch.
func (p *Plan) BuildFor(arch string) (Build, bool) {
	i := slices.IndexFunc(p.Builds, func(b Build) bool { return b.Arch == arch })
	if i < 0 {
		return Build{}, false
	}
	return p.Builds[i], true
}

// Archs is the arches of the builds, best first.
func (p *Plan) Archs() []string {
	out := make([]string, len(p.Builds))
	for i, b := range p.Builds {
		out[i] = b.Arch
	}
	return out
}

func pinOf(role string, s nixsource.Source) Pin {
	p := Pin{Role: role, Kind: s.Kind, Hash: s.Hash, Rev: s.Pin.Rev, Store: s.StorePath()}
	// Where a local tree lies is nobody's business; its hash names it.
	switch s.Kind {
	case "github":
		p.From = s.Pin.GitHub
	case "url":
		p.From = s.Pin.URL
	case "git":
		p.From = s.Pin.Git
	}
	return p
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
