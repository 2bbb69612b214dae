package ui

import (
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// The names of what commands print with --json, where the type that they print
// does not have its own.
const (
	CheckedSchema   = "nixbatch/check/v1"
	MadeSchema      = "nixbatch/build/v1"
	SubmittedSchema = "nixbatch/submitted/v1"
	ChainSchema     = "nixbatch/chain/v1"
	StatusSchema    = "nixbatch/status/v1"
	NodesSchema     = "nixbatch/nodes/v1"
	RerunSchema     = "nixbatch/rerun/v1"
	RetriedSchema   = "nixbatch/retry/v1"
	ExportedSchema  = "nixbatch/exported/v1"
)

// Checked is what check --json prints of a job file without a problem; of
// another one it prints a Failure.
type Checked struct {
	Schema   string   `json:"schema"`
	Name     string   `json:"name"`
	Problems []string `json:"problems"` // none
}

// CheckedOf is that of a job.
func CheckedOf(name string) Checked { return Checked{CheckedSchema, name, []string{}} }

// Made is what build --json prints.
type Made struct {
	Schema string            `json:"schema"`
	Name   string            `json:"name"`
	Builds map[string]string `json:"builds"` // store paths by arch
}

// MadeOf is that of a job's builds.
func MadeOf(name string, builds map[string]string) Made { return Made{MadeSchema, name, builds} }

// Chain is what submit --chain --json prints.
type Chain struct {
	Schema string      `json:"schema"`
	Runs   []Submitted `json:"runs"` // in their order
}

// Retried is what retry --json prints.
type Retried struct {
	Schema string `json:"schema"`
	RunID  string `json:"run_id"`
	Round  int    `json:"round"` // of submissions of the run, from 0
	JobID  int64  `json:"job_id"`
	// Answered is that of Submitted.
	Answered int64 `json:"answered_job_id,omitempty"`
	Tasks    []int `json:"tasks"`
}

// RetriedOf is that of a round.
func RetriedOf(r rundir.Run, sub facts.Submit, tasks []int) Retried {
	id, answered := JobIDs(sub)
	return Retried{RetriedSchema, r.ID, sub.Round, id, answered, tasks}
}

// Exported is what record export --json prints.
type Exported struct {
	Schema string `json:"schema"`
	RunID  string `json:"run_id"`
	Format string `json:"format"`
	Output string `json:"output"`
	// Contents lists the files beside the facts; null for formats that have none.
	Contents *load.Contents `json:"contents"`
}
