package runtest

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

var Noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func About() ledger.About {
	return ledger.About{Tool: facts.Tool{Version: "test"}, Job: "00", Now: func() time.Time { return Noon }}
}

// Creation is a small job in dir; this test program stands for the agent.
func Creation(t *testing.T, dir string) (rundir.Project, rundir.Creation) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := rundir.Near(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p, rundir.Creation{
		Plan:    &plan.Plan{Schema: plan.Schema, Name: "job", Run: "echo <hello> & true\n", Slurm: sbatch.Options{{Name: "time", Value: "5"}}},
		Job:     []byte("name: job\n"),
		WorkDir: dir, Agent: exe, Now: Noon,
		Envs: map[string]string{"haswell": "/nix/store/none-a", "generic": "/nix/store/none-b"},
	}
}

func Create(t *testing.T, dir string) rundir.Run {
	t.Helper()
	p, c := Creation(t, dir)
	r, err := p.Create(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Sent is a run that Slurm took as job 7, at noon.
func Sent(t *testing.T) rundir.Run {
	t.Helper()
	r := Create(t, t.TempDir())
	w := &Witness{T: t, Take: func([]string) (slurm.JobRef, error) { return slurm.JobRef{ID: 7}, nil }}
	if _, err := ledger.Submit(t.Context(), r, w, About(), nil); err != nil {
		t.Fatal(err)
	}
	return r
}

func Write(t *testing.T, path string, v any) {
	t.Helper()
	if err := os.MkdirAll(path[:strings.LastIndexByte(path, '/')], 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.Write(path, v); err != nil {
		t.Fatal(err)
	}
}

func Started(t *testing.T, r rundir.Run, attempt int) {
	t.Helper()
	Write(t, r.StartFile(0, attempt), facts.Start{Schema: facts.StartSchema, RunID: r.ID, JobID: 7, Attempt: attempt})
}

func Ended(t *testing.T, r rundir.Run, attempt, code int, reason string) {
	t.Helper()
	Write(t, r.EndFile(0, attempt), facts.End{Schema: facts.EndSchema, RunID: r.ID, Attempt: attempt, ExitCode: code, Reason: reason})
}
