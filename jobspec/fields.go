package jobspec

import "regexp"

// field is a key of a block: what the decoder knows, the schema tells, and the
// reference explains.
type field struct {
	name     string
	required bool
	meaning  string
	schema   schema
}

type block []field

func (b block) names() []string {
	names := make([]string, len(b))
	for i, f := range b {
		names[i] = f.name
	}
	return names
}

// What the file's names have to look like. A job's name becomes Slurm's job
// name and part of file names; attribute names are Nix's identifiers.
var (
	nameRE   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	attrRE   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_'-]*(\.[A-Za-z_][A-Za-z0-9_'-]*)*$`)
	envRE    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	githubRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)
	stackRE  = regexp.MustCompile(`^[1-9][0-9]{0,8}[KMGkmg]$`) // OpenMP 5.2, OMP_STACKSIZE; a unit is a must, as the default one is a surprise
	revRE    = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

var (
	strategies = []string{"dispatch", "constrain", "common"}
	launchers  = []string{"none", "srun", "mpirun"}
	binds      = []string{"none", "cores"}
)

var pinFields = block{
	{"github", false, "owner/repository on GitHub", textSchema(githubRE)},
	{"url", false, "address of an archive (http, https or file)", textSchema(nil)},
	{"git", false, "address of a Git repository (https, http, ssh, git or file)", textSchema(nil)},
	{"path", false, "directory, relative to the job file or absolute", textSchema(nil)},
	{"rev", false, "commit, 40 hexadecimal digits", textSchema(revRE)},
	{"hash", false, "hash of the unpacked tree, sha256-… (SRI)", textSchema(sriRE)},
}

var overlayFields = append(pinFields[:len(pinFields):len(pinFields)],
	field{"file", false, "file of the tree that holds the overlay; default default.nix", textSchema(nil)})

var environmentFields = block{
	{"nixpkgs", true, "the package set, pinned", pinSchema(pinFields)},
	{"overlays", false, "overlays on the package set, each pinned, in this order", listSchema(pinSchema(overlayFields), 0)},
	{"config", false, "configuration of the package set", schema{"type": "object"}},
	{"packages", true, "attribute paths of the packages of the environment", listSchema(textSchema(attrRE), 1)},
}

var optimizeFields = block{
	{"arch", false, "auto, generic, a name of GCC's -march (less flags: znver4-no-sse4a), or a list of names; default auto", archSchema()},
	{"config", false, "option of the package set's configuration that is set to the arch", textSchema(attrRE)},
	{"packages", false, "attribute paths of packages to rebuild for the arch, and only these", listSchema(textSchema(attrRE), 0)},
	{"strategy", false, "dispatch, constrain or common; default dispatch", enumSchema(strategies)},
}

var nestedFields = block{
	{"outer", true, "threads of the outer level", countSchema()},
	{"inner", true, "threads that each of those starts", countSchema()},
}

var threadsFields = block{
	{"per-task", false, "threads of a task: auto (what Slurm gave it) or a number; default auto",
		schema{"anyOf": []any{schema{"const": "auto"}, schema{"type": "integer", "minimum": 1}, schema{"type": "string", "pattern": "^[1-9][0-9]*$"}}}},
	{"bind", false, "none or cores; default none", enumSchema(binds)},
	{"nested", false, "two levels of OpenMP threads: outer threads, each of which starts inner ones", objectSchema(nestedFields)},
	{"stack", false, "stack of each thread, such as 64M; costs a task that times its threads", textSchema(stackRE)},
}

var specFields = block{
	{"name", true, "name of the job: letters, digits, . _ -, at most 64", textSchema(nameRE)},
	{"environment", true, "the packages the job runs with", objectSchema(environmentFields)},
	{"optimize", false, "what to rebuild for the nodes' CPUs", objectSchema(optimizeFields)},
	{"slurm", false, "options of sbatch, by their long names", slurmSchema()},
	{"threads", false, "threads of a task", objectSchema(threadsFields)},
	{"launcher", false, "what launch in run uses: none, srun or mpirun; default none", enumSchema(launchers)},
	{"env", false, "environment variables", mapSchema(envRE)},
	{"inputs", false, "files the job reads, relative to the job file or absolute", listSchema(textSchema(nil), 0)},
	{"outputs", false, "files the job writes, relative; patterns with * ** ? [] {} allowed", listSchema(textSchema(nil), 0)},
	{"compare", false, "numbers in outputs by which two runs are compared, with tolerances", compareSchema()},
	{"sweep", false, "many tasks: their values become environment variables, and {NAME} in inputs and outputs", sweepSchema()},
	{"after", false, "runs that have to be completed first: ids, or names of jobs for their newest run", listSchema(textSchema(runRE), 0)},
	{"checkpoint", false, "go on after the time limit: a signal before it, and a new start", objectSchema(checkpointFields)},
	{"scratch", false, "work in a directory of the node, copying files there and back", objectSchema(scratchFields)},
	{"run", true, "the lines to run, in bash", textSchema(nil)},
}
