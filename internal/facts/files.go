package facts

// The names in a run directory. Other people's files depend on them.
const (
	JobFile        = "job.yaml"
	PlanFile       = "plan.json"
	ScriptFile     = "batch.sh"
	LinesFile      = "run.sh"
	SweepFile      = "sweep.json"
	InputsFile     = "inputs.json"
	IntentFile     = "intent.json"
	SubmitFile     = "submit.json"
	ResultFile     = "result.json"
	AccountingFile = "accounting.json"
	StartFile      = "start.json" // of an attempt
	EndFile        = "end.json"   // of an attempt
	TasksFile      = "tasks.jsonl"
	PrivateFile    = "private.json"
	KeyFile        = "key.json" // of an export alone
	SealFile       = "seal.json"
	SignatureFile  = SealFile + ".sig"
	FinalFile      = "final.json"
	ContentsFile   = "contents.json" // of an export
	KeptDir        = "kept"          // inputs and outputs, by their SHA-256
)

// The schemas of the files whose types lie in other packages.
const (
	PlanSchema     = "nixbatch/plan/v1"
	SealSchema     = "nixbatch/seal/v1"
	PrivateSchema  = "nixbatch/private/v1"
	KeySchema      = "nixbatch/key/v1"
	FinalSchema    = "nixbatch/final/v2"
	ContentsSchema = "nixbatch/contents/v1"
)

// RunFile is one file of a run directory.
type RunFile struct {
	Name   string
	Schema string // of a JSON file
	Sealed bool   // its hash stands in the seal, at this place of the table
	What   string
}

// RunFiles are the files at the top of a run directory that have a name of their
// own, in the order of the seal. Others that end in .json (a further round's
// intent-1.json, calls/, env/, cancel.json) are sealed after them, by name.
var RunFiles = []RunFile{
	{JobFile, "", true, "the bytes of the job file"},
	{PlanFile, PlanSchema, true, "what was decided, and why"},
	{ScriptFile, "", true, "the batch script"},
	{LinesFile, "", true, "the user's lines"},
	{SweepFile, SweepSchema, true, "the tasks of a sweep"},
	{InputsFile, InputsSchema, true, "what was there to be read at the submission, and which of it is kept"},
	{IntentFile, IntentSchema, true, "written before sbatch is called"},
	{SubmitFile, SubmitSchema, true, "which job it became"},
	{ResultFile, ResultSchema, true, "how it was found to have ended"},
	{AccountingFile, AccountingSchema, true, "what Slurm's accounting kept"},
	{TasksFile, "", false, "what all tasks left, a line each; its root stands in the seal"},
	{PrivateFile, PrivateSchema, false, "what a redacted copy replaces, and the key; its hash stands in the seal"},
	{KeyFile, KeySchema, false, "in a full export: the key by which its facts are checked, of which no token can be made"},
	{SealFile, SealSchema, false, "the hashes of all of these"},
	{SignatureFile, "", false, "the seal's signature"},
	{FinalFile, FinalSchema, false, "a cache: the state that was found"},
	{ContentsFile, ContentsSchema, false, "in an export: what it holds beside the facts"},
}
