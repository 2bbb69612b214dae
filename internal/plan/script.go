package plan

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Place is where a run lives, as its script has to know it.
type Place struct {
	RunID   string
	RunDir  string // absolute, seen under the same path on every node
	WorkDir string // absolute: where the job file is
	Log     string // relative to WorkDir: see Script
}

// Script is the batch script: #SBATCH lines, and the agent started from the run
// directory. Slurm expands % and \ in the name of an output, and in the working
// directory's that it puts before it (tried with 22.05.8: %j becomes the job's
// id, a \ is lost). Where the directory has one of them, the shell opens the log.
func (p *Plan) Script(at Place) (string, error) {
	for _, dir := range []string{at.RunDir, at.WorkDir} {
		if err := CheckDir(dir); err != nil {
			return "", err
		}
	}
	output, agentLog := at.Log, ""
	if strings.ContainsAny(at.WorkDir+at.Log, `%\`) {
		output, agentLog = "/dev/null", " >>"+proc.Quote(at.Log)+" 2>&1"
	}
	o := sbatch.Options{
		{Name: "job-name", Value: p.Name},
		{Name: "chdir", Value: at.WorkDir},
		{Name: "output", Value: output},
		{Name: "open-mode", Value: "append"},
	}
	lines, err := append(o, p.Slurm...).Lines()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	fmt.Fprintf(&b, "\n# Run %s, written by nixbatch %s.\n"+
		"# The agent becomes the batch process itself, so that it gets Slurm's signals.\n"+
		"# What it does is in plan.json, the user's lines are in run.sh.\n", at.RunID, p.Tool.Version)
	fmt.Fprintf(&b, "run=%s\n", proc.Quote(at.RunDir))
	fmt.Fprintf(&b, `if ! [ -x "$run/nixbatch" ]; then
  echo "nixbatch: the run directory is not visible on $(uname -n): $run" >&2
  echo "hint: submit from a directory that the nodes share" >&2
  exit %[3]d
fi
# The same as uname -m since Linux 6.1, without a process.
if ! { read -r machine </proc/sys/kernel/arch; } 2>/dev/null; then machine=$(uname -m); fi
if [ "$machine" != %[1]s ]; then
  echo "nixbatch: $(uname -n) is an $machine machine, and this run was built for %[1]s" >&2
  echo "hint: choose another partition, or exclude the node" >&2
  exit %[3]d
fi
%[4]s%[2]s
`, machine(p.System), agentLog, fault.Refused.ExitCode(), agentCall)
	return b.String(), nil
}

// agentCall begins the last line of a batch script. The words of a ticket stand
// behind it.
const agentCall = `exec "$run/nixbatch" agent "$run"`

// ForCall is the batch script, as Script wrote it, for one call of sbatch: the
// agent is told the call's ticket, and nothing else differs. A script that has
// no place for it is a *fault.Error: its jobs would run other tasks than meant.
func ForCall(script string, t facts.Ticket) (string, error) {
	words := t.Words()
	if words == "" {
		return script, nil
	}
	start := strings.LastIndexByte(strings.TrimSuffix(script, "\n"), '\n') + 1
	rest, ok := strings.CutPrefix(script[start:], agentCall)
	if !ok || rest != "\n" && !strings.HasPrefix(rest, " >>") {
		return "", fault.New("the batch script does not end in the line that starts the agent: its job cannot be told which tasks it is", "submit the job file anew")
	}
	return script[:start] + agentCall + " " + words + rest, nil
}

// CheckDir refuses a directory whose name no #SBATCH line can hold (*fault.Error).
func CheckDir(dir string) error {
	what := ""
	switch i := strings.IndexFunc(dir, unicode.IsControl); {
	case !utf8.ValidString(dir):
		what = "has a name that is not UTF-8"
	case strings.ContainsAny(dir, "\n\r\u0085\u2028\u2029"):
		what = "has a line break in its name"
	case i >= 0:
		r, _ := utf8.DecodeRuneInString(dir[i:])
		what = fmt.Sprintf("has the control character %U in its name", r)
	default:
		return nil
	}
	return fault.New(fmt.Sprintf("the directory %q %s, which no #SBATCH line can hold", dir, what), "rename the directory, or work in another")
}
