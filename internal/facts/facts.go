package facts

import (
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/resources"
)

// Names of the schemas. A field may be added under the same name; anything else
// is a new version.
const (
	IntentSchema = "nixbatch/intent/v1"
	SubmitSchema = "nixbatch/submit/v1"
	StartSchema  = "nixbatch/start/v1"
	EndSchema    = "nixbatch/end/v1"
	CallSchema   = "nixbatch/call/v1"
	SweepSchema  = "nixbatch/sweep/v1"
	InputsSchema = "nixbatch/inputs/v1"
	SeenSchema   = "nixbatch/seen/v1"
	CopySchema   = "nixbatch/copy/v1"
	LearntSchema = "nixbatch/node/v1"
	// EnvironmentSchema and AccountingSchema name env/ARCH.json and
	// accounting.json of a run.
	EnvironmentSchema = "nixbatch/environment/v1"
	AccountingSchema  = "nixbatch/accounting/v1"
)

// Tool is the program that wrote a fact.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
}

// Intent is written before sbatch is called: from then on the run may be in the
// queue, whatever becomes of this process.
type Intent struct {
	Schema string    `json:"schema"`
	RunID  string    `json:"run_id"`
	Token  string    `json:"token"` // travels in the job's comment
	Time   time.Time `json:"time"`
	Local  bool      `json:"local"`
	Tool   Tool      `json:"tool"`
	// Cluster is whom sbatch was about to speak to; "" for a local run.
	Cluster string `json:"cluster,omitempty"`
	// Round counts the submissions of a run: 0 is the first, others are retries.
	Round int    `json:"round,omitempty"`
	Calls []Call `json:"calls,omitempty"` // of sbatch; none is one call for task 0
}

// Call is one call of sbatch. A task is its index in Slurm's array plus Offset.
type Call struct {
	Array   string   `json:"array,omitempty"` // indices, "0-999" or "0,3,7-9"; "" for a job that is no array
	Offset  int      `json:"offset,omitempty"`
	Count   int      `json:"count"`                   // tasks
	Attempt int      `json:"first_attempt,omitempty"` // number of the first attempt it makes
	Limit   int      `json:"max_running,omitempty"`   // of its tasks at once
	Behind  int      `json:"behind,omitempty"`        // 1 + the call of this round that has to be over before, for the limit's sake
	Options []string `json:"options,omitempty"`       // of sbatch, beside those in the script
}

// Submit is written when the job id is known.
type Submit struct {
	Schema  string    `json:"schema"`
	RunID   string    `json:"run_id"`
	JobID   int64     `json:"job_id,omitempty"` // 0 for a local run
	Cluster string    `json:"cluster,omitempty"`
	Local   bool      `json:"local"`
	Time    time.Time `json:"time"`
	// Submitted is the submission's time as Slurm tells it, where the job was seen
	// in the queue; zero where sbatch's answer was believed at once.
	Submitted time.Time `json:"submitted_at,omitzero"`
	// Copies are further jobs that were found to carry the same token: they stop
	// before their payload.
	Copies []int64 `json:"copies,omitempty"`
	// Instead is the number that sbatch had answered where that was another's job, or
	// none: the answer was corrected. Unconfirmed says that the answer came from
	// something else than Slurm's own sbatch, and that Slurm could not be asked.
	Instead     int64 `json:"instead_of,omitempty"`
	Unconfirmed bool  `json:"unconfirmed,omitempty"`
	// How says where the job id was learnt: "sbatch", "queue", "accounting" or
	// "start" (the job's own word); "none" that Slurm has no job, and "local".
	How    string       `json:"how"`
	Slurm  string       `json:"slurm_version,omitempty"`
	Script string       `json:"script_sha256,omitempty"`
	Job    string       `json:"job_sha256"`
	Tool   Tool         `json:"tool"`
	Git    *Git         `json:"git,omitempty"` // nil: the job file is in no Git work tree
	Seed   string       `json:"seed"`          // "not declared" where the job file has none
	Priv   SubmitPerson `json:"private"`
	Round  int          `json:"round,omitempty"`
	// Jobs is what each call of sbatch became. JobID above is the first of them.
	Jobs []Job `json:"jobs,omitempty"`
}

// Job is what one call of sbatch became: calls/ROUND-CALL.json while others are
// still open, and a line of Submit.
type Job struct {
	Schema  string `json:"schema,omitempty"`
	JobID   int64  `json:"job_id,omitempty"`
	Cluster string `json:"cluster,omitempty"`
	First   int    `json:"first"` // task
	// Submitted and Copies are those of Submit.
	Submitted time.Time `json:"submitted_at,omitzero"`
	Copies    []int64   `json:"copies,omitempty"`
	// Instead and Unconfirmed are, too.
	Instead     int64 `json:"instead_of,omitempty"`
	Unconfirmed bool  `json:"unconfirmed,omitempty"`
	// How is that of Submit. "none" says that there is no job, and never will be:
	// one that turns up all the same stops before its payload.
	How  string    `json:"how"`
	Time time.Time `json:"time"`
	Call
}

// Git is where the job file's work tree stood.
type Git struct {
	Rev string `json:"rev"` // commit, 40 or 64 hex digits
	// Clean is "yes", "no" or "not looked at": looking would take a process and
	// a walk over the whole tree for each submission.
	Clean string `json:"clean"`
}

// SubmitPerson is the private part of Submit.
type SubmitPerson struct {
	User string `json:"user,omitempty"`
	Host string `json:"host,omitempty"`
	Dir  string `json:"dir"`
}

// File is one input or output: its size in bytes and its SHA-256 in hex, or the
// reason why there is none.
type File struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256,omitempty"`
	Skipped string `json:"skipped,omitempty"` // why it has no hash, for people
	Skip    Skip   `json:"skip,omitempty"`    // the same for programs: see Why
	// Kept says that the run keeps a copy, whatever becomes of the file.
	Kept bool `json:"kept,omitempty"`
	Exec bool `json:"executable,omitempty"` // of an input
}

// Node is one allocated node as the job saw it.
type Node struct {
	CPU      cpuflags.CPU `json:"cpu"`
	Kernel   string       `json:"kernel,omitempty"`
	Override bool         `json:"cpu_overridden,omitempty"` // read from NIXBATCH_CPUINFO, not from the machine
	Count    int          `json:"count"`                    // nodes that look exactly like this one
	Machine  Machine      `json:"machine"`
}

// Faked is what is said where the name of a node's CPU belongs and
// NIXBATCH_CPUINFO named another: what the node had is not on record.
const Faked = "a CPU that is not on record (" + cpuflags.EnvCPUInfo + " named another)"

// CPUName is the model name of the node's CPU, or Faked.
func (n Node) CPUName() string {
	if n.Override {
		return Faked
	}
	return n.CPU.Name
}

// Chosen is the build that ran and why not a better one.
type Chosen struct {
	Arch  string            `json:"arch"`
	Env   string            `json:"env"` // store path
	Not   []cpuflags.WhyNot `json:"not,omitempty"`
	Tried []string          `json:"tried"` // in the order of preference
}

// Var is one environment variable that nixbatch set, and who decided its value.
type Var struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"` // "threads" or "job file"
}

// Start is written on the node before the user's first line.
type Start struct {
	Schema  string    `json:"schema"`
	RunID   string    `json:"run_id"`
	Task    int       `json:"task"`
	Attempt int       `json:"attempt"`
	JobID   int64     `json:"job_id,omitempty"`
	Cluster string    `json:"cluster,omitempty"` // SLURM_CLUSTER_NAME
	Time    time.Time `json:"time"`
	Tool    Tool      `json:"tool"`
	Nodes   []Node    `json:"nodes"`
	Build   Chosen    `json:"build"`
	Threads int       `json:"threads_per_task"`
	// Resources is the tasks and their CPUs, as Slurm gave them.
	Resources resources.Layout `json:"resources"`
	// Oversubscribed says that, and how, more threads run than processors may be
	// used.
	Oversubscribed string            `json:"oversubscribed,omitempty"`
	Affinity       []int             `json:"affinity"` // processors the batch step may run on
	Vars           []Var             `json:"variables"`
	Slurm          map[string]string `json:"slurm,omitempty"`       // the SLURM_ variables that matter
	Limits         map[string]string `json:"limits,omitempty"`      // soft limits of the batch step: bytes, a number, or "unlimited"
	Environ        map[string]string `json:"environment,omitempty"` // of the site's variables, those that can matter and name nobody
	Inputs         []File            `json:"inputs"`
	// Changed are inputs that were no longer what was submitted.
	Changed []InputChange `json:"inputs_changed,omitempty"`
	Notes   []string      `json:"notes,omitempty"` // what differs from the plan
	Priv    StartPrivate  `json:"private"`
}

// StartPrivate is the private part of Start.
type StartPrivate struct {
	Nodes    []string `json:"nodes"`
	CPUInfo  string   `json:"cpuinfo_override,omitempty"`
	WorkDir  string   `json:"work_dir"`
	Hostname string   `json:"hostname"`
	Home     string   `json:"home,omitempty"`
	TmpDir   string   `json:"tmpdir,omitempty"`
	// Dir is where the task worked, where that was not WorkDir.
	Dir string `json:"task_dir,omitempty"`
}

// End is written on the node when the user's lines are over. A task without it
// is incomplete, not failed.
type End struct {
	Schema   string        `json:"schema"`
	RunID    string        `json:"run_id"`
	Task     int           `json:"task"`
	Attempt  int           `json:"attempt"`
	Time     time.Time     `json:"time"`
	ExitCode int           `json:"exit_code"`
	Signal   string        `json:"signal,omitempty"`
	Reason   string        `json:"reason,omitempty"`      // why the payload was not started or not finished
	Told     string        `json:"told_to_end,omitempty"` // the signal that told it to end: see ToldToEnd
	Elapsed  float64       `json:"elapsed_seconds"`       // from a monotonic clock, the user's lines alone
	UserTime float64       `json:"user_seconds"`
	SysTime  float64       `json:"system_seconds"`
	MaxRSS   int64         `json:"max_rss_kib"` // the largest single process
	Outputs  []File        `json:"outputs"`
	Changed  []InputChange `json:"inputs_changed,omitempty"`
	Before   []InputChange `json:"inputs_changed_before,omitempty"` // those of the start
	// Requeued is an attempt that ended at a checkpoint, to go on in another.
	Requeued   bool   `json:"requeued,omitempty"`
	Checkpoint []File `json:"checkpoint,omitempty"` // what it goes on from
	NotCopied  []File `json:"not_copied,omitempty"` // left in the task's directory, and why
	// Undeclared are files that appeared in a shared directory meanwhile and are no
	// outputs, at most MostUndeclared of them.
	Undeclared []string `json:"undeclared,omitempty"`
	// NotInputs are files beside the job file that the failed task seems to have
	// looked for, and that are not among its inputs.
	NotInputs []string `json:"not_inputs,omitempty"`
	Numbers   []Number `json:"numbers,omitempty"` // what numbers: of the job file found
}

// MostUndeclared is how many undeclared files are listed.
const MostUndeclared = 100

// Inputs is what a run was submitted with: inputs.json. Hashes are those at the
// submission.
type Inputs struct {
	Schema string   `json:"schema"`
	RunID  string   `json:"run_id"`
	Files  []File   `json:"files"`           // sorted by path
	Dirs   []string `json:"dirs,omitempty"`  // of inputs that are directories
	Trees  []File   `json:"trees,omitempty"` // inputs that are directories, with one hash for all that is in them
}

// InputChange is an input that was not the same at the end.
type InputChange struct {
	Path string `json:"path"`
	What string `json:"what"`           // for people
	Skip Skip   `json:"skip,omitempty"` // why it was not looked at again: see Why
}

// Learnt is what a job's start saw of one node: .nixbatch/learnt/NODE.json.
type Learnt struct {
	Schema   string       `json:"schema"`
	Node     string       `json:"node"`
	Features []string     `json:"features,omitempty"`
	CPU      cpuflags.CPU `json:"cpu"`
	Seen     time.Time    `json:"seen"`
	From     string       `json:"from"` // "job" or "probe"
}

// Seen is when Slurm was first seen to have a job of the run: seen/JOB.json. It
// is not sealed: a job that lacks it is told by its token.
type Seen struct {
	Schema    string    `json:"schema"`
	RunID     string    `json:"run_id"`
	JobID     int64     `json:"job_id"`
	Cluster   string    `json:"cluster,omitempty"`
	Submitted time.Time `json:"submitted_at"` // as Slurm tells it
	Time      time.Time `json:"time"`
}

// Copy is what a job leaves that found out that the run is another one's:
// copies/JOB.json. It is not sealed: a copy may come at any time.
type Copy struct {
	Schema  string    `json:"schema"`
	RunID   string    `json:"run_id"`
	JobID   int64     `json:"job_id"`
	Cluster string    `json:"cluster,omitempty"`
	Time    time.Time `json:"time"`
	Reason  string    `json:"reason"`
}

// CancelSchema is the name of Cancel's schema.
const CancelSchema = "nixbatch/cancel/v1"

// Cancel is written when Slurm was told to end jobs of a run: cancel.json, and
// cancel-1.json and so on for later ones.
type Cancel struct {
	Schema string    `json:"schema"`
	RunID  string    `json:"run_id"`
	Time   time.Time `json:"time"`
	Jobs   []string  `json:"jobs"` // as scancel was given them: 12, 12_3
	// Local says that the agent of a local run was told, and no job of Slurm's.
	Local bool `json:"local,omitempty"`
}
