package facts

import "time"

// Accounting is what Slurm's accounting kept of the run.
type Accounting struct {
	Schema string    `json:"schema"`
	Time   time.Time `json:"time"`
	// Source is "sacct", or "unavailable: " and the reason.
	Source string      `json:"source"`
	Jobs   []Accounted `json:"jobs"`
}

// Accounted is one start of a job or task as the accounting has it.
type Accounted struct {
	Ref       string          `json:"ref"`
	Task      int             `json:"task"` // -1: no array
	State     string          `json:"state"`
	ExitCode  int             `json:"exit_code"`
	Signal    int             `json:"signal,omitempty"`
	Submit    time.Time       `json:"submit"`
	Start     time.Time       `json:"start"`
	End       time.Time       `json:"end"`
	Elapsed   int64           `json:"elapsed_seconds"`
	TotalCPU  int64           `json:"cpu_seconds"`
	MaxRSS    int64           `json:"max_rss_bytes,omitempty"`
	Energy    int64           `json:"energy_joules,omitempty"`
	AllocTRES string          `json:"alloc_tres,omitempty"`
	Usage     string          `json:"tres_usage_in_total,omitempty"`
	Restarts  int             `json:"restarts,omitempty"`
	Steps     []AccountedStep `json:"steps,omitempty"`
	Priv      AccountedPerson `json:"private"`
}

// AccountedStep is one step of it.
type AccountedStep struct {
	Ref      string `json:"ref"`
	State    string `json:"state"`
	ExitCode int    `json:"exit_code"`
	Elapsed  int64  `json:"elapsed_seconds"`
	TotalCPU int64  `json:"cpu_seconds"`
	MaxRSS   int64  `json:"max_rss_bytes,omitempty"`
	Usage    string `json:"tres_usage_in_total,omitempty"`
}

// AccountedPerson is the private part of Accounted.
type AccountedPerson struct {
	User       string   `json:"user,omitempty"`
	Account    string   `json:"account,omitempty"`
	Nodes      []string `json:"nodes,omitempty"`
	SubmitLine string   `json:"submit_line,omitempty"`
}

// ResultSchema names result.json of a run.
const ResultSchema = "nixbatch/result/v1"

// Result is the state that a run was found to have ended in when it was sealed.
type Result struct {
	Schema  string    `json:"schema"`
	RunID   string    `json:"run_id"`
	State   string    `json:"state"`
	Reason  string    `json:"reason,omitempty"`
	Attempt int       `json:"attempt"`
	Time    time.Time `json:"time"`
}
