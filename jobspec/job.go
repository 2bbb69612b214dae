package jobspec

import (
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/options"
	"github.com/nixbatch/nixbatch/internal/paths"
)

var (
	launchers = []string{"none", "srun", "mpirun"}
	workdirs  = []string{"own", "shared"}
	homes     = []string{"own", "user"}
)

// A job's name becomes Slurm's job name and part of file names.
var nameRE = lazyre.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// jobBlock is the whole file. Of two keys that depend on each other the later
// one looks at the earlier.
func jobBlock() block[Spec] {
	return block[Spec]{[]key[Spec]{
		{"name", required, "name of the job: letters, digits, . _ -, at most 64", textOf(nameRE),
			into((*decoder).name, func(s *Spec) *string { return &s.Name })},
		{"environment", required, "the packages the job runs with", mapOf(environmentBlock),
			func(d *decoder, at string, p pair, s *Spec) { environmentBlock().read(d, at, p.Value, &s.Environment) }},
		{"optimize", optional, "what to rebuild for the nodes' CPUs", mapOf(optimizeBlock),
			func(d *decoder, at string, p pair, s *Spec) { optimizeBlock().read(d, at, p.Value, &s.Optimize) }},
		{"slurm", optional, "options of sbatch, by their long names", slurmOptions,
			func(d *decoder, at string, p pair, s *Spec) { s.Slurm = options.Read(&d.Reader, at, p.Value) }},
		{"threads", optional, "threads of a task", mapOf(threadsBlock),
			func(d *decoder, at string, p pair, s *Spec) { threadsBlock().read(d, at, p.Value, &s.Threads) }},
		{"launcher", optional, "what launch in run uses: none, srun or mpirun; default none", enumOf(launchers),
			into(oneOf(launchers), func(s *Spec) *string { return &s.Launcher })},
		{"env", optional, "environment variables", namesTo(envRE),
			func(d *decoder, at string, p pair, s *Spec) { s.Env = d.env(at, p.Value) }},
		{"inputs", optional, "files, directories and patterns that the job reads, relative to the job file or absolute; !pattern leaves out", listOf(textOf(nil), 0),
			func(d *decoder, at string, p pair, s *Spec) { s.Inputs = d.paths(at, p.Value, paths.Input) }},
		{"outputs", optional, "files the job writes, relative; patterns with * ** ? [] {} allowed, !pattern leaves out", listOf(textOf(nil), 0),
			func(d *decoder, at string, p pair, s *Spec) { s.Outputs = d.paths(at, p.Value, paths.Output) }},
		{"numbers", optional, "numbers that tasks leave in outputs or print: kept in the record, shown as results, and compared, with tolerances", numberList,
			func(d *decoder, at string, p pair, s *Spec) { s.Numbers = d.numbers(at, p.Value, s.Outputs) }},
		{"compare", optional, "the former name of numbers", numberList,
			func(d *decoder, at string, p pair, s *Spec) { s.Numbers = d.numbers(at, p.Value, s.Outputs) }},
		{"sweep", optional, "many tasks: their values become environment variables, and {NAME} in inputs and outputs", sweepMap,
			func(d *decoder, at string, p pair, s *Spec) { s.Sweep = d.sweep(at, p.Value) }},
		{"private", optional, "names of env and of the sweep whose values are replaced wherever they occur in a redacted export", listOf(textOf(envRE), 0),
			func(d *decoder, at string, p pair, s *Spec) { s.Private = d.private(at, p.Value, s) }},
		{"after", optional, "runs that have to be completed first: ids, or names of jobs for their newest run", listOf(textOf(runRE), 0),
			func(d *decoder, at string, p pair, s *Spec) { s.After = d.after(at, p.Value) }},
		{"checkpoint", optional, "go on after the time limit: a signal before it, and a new start", mapOf(checkpointBlock),
			func(d *decoder, at string, p pair, s *Spec) { s.Checkpoint = d.checkpoint(at, p.Value, s.Slurm) }},
		{"workdir", optional, "where a task works: own (a directory of its own, with the inputs in it) or shared (the job file's); default own", enumOf(workdirs),
			into(oneOf(workdirs), func(s *Spec) *string { return &s.Workdir })},
		{"home", optional, "HOME of a task: own (an empty directory) or user (your home directory); default own", enumOf(homes),
			into(oneOf(homes), func(s *Spec) *string { return &s.Home })},
		{"scratch", optional, "have a task's own directory on the node", mapOf(scratchBlock),
			func(d *decoder, at string, p pair, s *Spec) { s.Scratch = d.scratch(at, p.Value, s.Workdir) }},
		{"run", required, "the lines to run, in bash", textOf(nil),
			into((*decoder).run, func(s *Spec) *string { return &s.Run })},
	}, map[string]string{
		"job-name": "did you mean name?",
		"script":   "did you mean run?",
		"packages": "packages belongs below environment",
		"nixpkgs":  "nixpkgs belongs below environment",
		"overlays": "overlays belongs below environment",
		"arch":     "arch belongs below optimize",
	}}
}

// job reads the whole file.
func (d *decoder) job(root *node) *Spec {
	s := &Spec{
		Optimize: Optimize{Arch: []string{"auto"}, Strategy: "dispatch", Reach: ReachRebuild, Limit: DefaultLimit},
		Threads:  Threads{Bind: "none"},
		Launcher: "none", Workdir: "own", Home: "own",
	}
	got, ok := jobBlock().read(d, "", root, s)
	if !ok {
		return s
	}
	if s.Sweep != nil {
		d.sweepUse(s, got)
	}
	d.numberUse(s, got["numbers"])
	d.numberUse(s, got["compare"])
	if p := got["compare"]; p.Value != nil && got["numbers"].Value != nil {
		d.Add(p.Key.Pos, "move what is below compare to numbers", "numbers and compare are two names of the same")
	}
	return s
}

// isName is what nameRE says, without it: every file is asked.
func isName(s string) bool {
	for i, c := range []byte(s) {
		if !lazyre.Letter(c) && !lazyre.Digit(c) && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func (d *decoder) name(at string, n *node) (string, bool) {
	s, ok := d.Text(at, n, "the name of the job")
	if ok && !isName(s) {
		d.Add(n.Pos, "use 1 to 64 letters, digits, dots, underscores and dashes, the first a letter or a digit",
			"%s: %s cannot be the name of a job and of its files", at, shown(s))
	}
	return s, ok
}

func (d *decoder) run(at string, n *node) (string, bool) {
	s, ok := d.Text(at, n, "the lines to run")
	if ok && strings.Trim(s, " \t\n") == "" {
		d.Add(n.Pos, "", "%s: there is nothing to run", at)
	}
	return s, ok
}
