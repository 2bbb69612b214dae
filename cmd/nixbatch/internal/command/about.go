package command

import (
	"os"
	"runtime/debug"
	"time"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/slurm"
)

// Version and Commit are set by the linker (make build).
var (
	Version = "0.1.0-dev"
	Commit  string
)

// Tool is what records say about this program.
func Tool() facts.Tool {
	t := facts.Tool{Version: Version}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				t.Commit = s.Value
			}
		}
	}
	if Commit != "" {
		t.Commit = Commit
	}
	return t
}

// NewClient asks Slurm.
func NewClient() *slurm.Client {
	return &slurm.Client{Env: submit.QueueEnv(os.Environ())}
}

// Clock tells the time; tests set another.
var Clock = time.Now

// About is what the packages below are told of this program.
func About() ledger.About {
	return ledger.About{Tool: Tool(), Now: Clock, Cache: status.CacheFile(os.Getenv), MaxAge: submit.AnswerAge}
}
