package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/launch"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/slurm"
)

// launchSetup is where the payload finds launch.
type launchSetup struct {
	file string // what launch reads
	bin  string // goes on PATH
	temp string // a directory to be removed at the end, or ""
}

// stepOptions are the options of sbatch that hold for a step as well, and that
// srun does not take over through variables which the agent drops, because a
// caller may have left them behind.
var stepOptions = []string{"distribution", "mem-bind", "gpu-bind", "cpu-freq"}

// setUpLaunch leaves what launch has to know. srun is found here, before the
// environment is entered.
func (a *Agent) setUpLaunch(b facts.Chosen) error {
	dir := a.Run.AttemptDir(a.task, a.attempt)
	_, inSlurm := slurm.ReadBatchStep(a.Getenv)
	s := launch.Setup{
		Schema: launch.SetupSchema, Launcher: a.plan.Launcher, Local: !inSlurm,
		Layout: a.given.Layout, Bind: a.plan.Threads.Bind, Affinity: a.given.Affinity, Overcommit: a.given.Overcommit,
	}
	asked, err := plan.Request(a.plan.Slurm, a.plan.Local)
	if err != nil {
		return err
	}
	s.Hint, s.ThreadsPerCore = asked.Hint, asked.ThreadsPerCore
	for _, name := range stepOptions {
		if v, ok := a.plan.Slurm.Get(name); ok {
			s.Step = append(s.Step, "--"+name+"="+v)
		}
	}
	s.Priv.Bash = filepath.Join(b.Env, "bash")
	a.launch.bin = a.Run.BinDir()
	// PATH cannot hold a directory with a colon in its name.
	if strings.Contains(dir, ":") {
		temp, err := os.MkdirTemp("", "nixbatch-bin-")
		if err != nil {
			return fmt.Errorf("a place for launch: %w", err)
		}
		a.launch.temp, a.launch.bin = temp, temp
		if err := os.Symlink(a.Run.AgentFile(), filepath.Join(temp, "launch")); err != nil {
			return fmt.Errorf("a place for launch: %w", err)
		}
	}
	if !s.Local {
		if p, err := a.Find("srun"); err == nil {
			s.Priv.Srun = p
		}
	}
	if s.Launcher == "mpirun" && s.Priv.Srun != "" {
		s.Priv.HostDir = filepath.Join(dir, "host")
		if a.launch.temp != "" {
			s.Priv.HostDir = filepath.Join(a.launch.temp, "host")
		}
		if err := os.Mkdir(s.Priv.HostDir, 0o700); err != nil {
			return fmt.Errorf("a place for srun: %w", err)
		}
		if err := durable.WriteBytes(filepath.Join(s.Priv.HostDir, "srun"), []byte(launch.HostSrun(s.Priv.Srun, proc.Quote)), 0o555); err != nil {
			return fmt.Errorf("a place for srun: %w", err)
		}
	}
	a.launch.file = filepath.Join(dir, "launch-setup.json")
	// No fact, and read on this node alone: a flush would only cost time.
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.WriteFile(a.launch.file, append(text, '\n'), 0o444)
	}
	if err != nil {
		return fmt.Errorf("what launch needs could not be written down: %w", err)
	}
	return nil
}

// done removes what PATH needed.
func (l launchSetup) done() {
	if l.temp != "" {
		_ = os.RemoveAll(l.temp)
	}
}
