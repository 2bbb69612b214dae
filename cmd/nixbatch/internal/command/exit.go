package command

import "github.com/nixbatch/nixbatch/internal/fault"

// Exit codes. They are documented in docs/exit-codes.md and only ever added to;
// those of errors are package fault's.
const (
	Done         = 0
	JobFailed    = int(fault.Failed)
	Usage        = int(fault.Input)
	NixFailed    = int(fault.Nix)
	SlurmFailed  = int(fault.Slurm)
	Unknown      = int(fault.Unsure)
	NotWritten   = int(fault.NotWritten)
	SystemFailed = int(fault.System)
	Interrupted  = int(fault.Interrupted)
)

// Quiet is a result, told already, that is not exit code 0.
type Quiet struct{ Code int }

func (e *Quiet) Error() string { return "" }

// Exit ends a command that has told its result with a code.
func Exit(code int) error { return &Quiet{code} }
