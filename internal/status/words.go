package status

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// Meaning is what an exit code tells in plain words, and what to do about it.
type Meaning struct{ Words, Way string }

// ExitWords are exit codes that a shell gives a meaning (POSIX, Shell Command
// Language, 2.8.2: 126, 127, and above 128 a signal): in short, and what to do.
var ExitWords = map[int]Meaning{
	126:                        {"not executable", "a file is not executable, or its interpreter is missing"},
	127:                        {"command not found", "a command was not found: is its package in environment.packages?"},
	128 + int(syscall.SIGILL):  {"illegal instruction", "an instruction that the CPU does not have (SIGILL): nixbatch nodes compares builds and CPUs"},
	128 + int(syscall.SIGABRT): {"aborted", "the program ended itself (SIGABRT): an assertion or its own check failed; its log tells which"},
	128 + int(syscall.SIGFPE):  {"arithmetic error", "a division by zero of integers, or a trapped floating-point exception (SIGFPE)"},
	128 + int(syscall.SIGKILL): {"killed, often out of memory", "something killed it with SIGKILL: most often that is memory; try --mem x1.5"},
	128 + int(syscall.SIGSEGV): {"segmentation fault", "it used memory that is not its own (SIGSEGV): a fault of the program or of its build, or a stack that is too small"},
	128 + int(syscall.SIGPIPE): {"a pipe was closed early", "a command of a pipeline wrote to one that had ended (SIGPIPE), such as | head: with set -eo pipefail that ends the job"},
	128 + int(syscall.SIGTERM): {"told to end", ""},
}

// exitReason is an exit code in a reason.
func exitReason(code int) string {
	if w, ok := ExitWords[code]; ok {
		return fmt.Sprintf("exit code %d: %s", code, w.Words)
	}
	return fmt.Sprintf("exit code %d", code)
}

// fate is why Slurm ended a job, in words; "" when it says nothing.
func fate(reason string) string {
	r := slurm.ParseReason(reason)
	switch words := r.Ended(); {
	case words != "":
		return words
	case r.Code == "" || r.Kind() == slurm.NoReason:
		return ""
	}
	return "Slurm says: " + strings.Trim(reason, "()")
}

// noteOf is what went wrong with a task that its state does not tell: outputs
// that it declared and did not make, and inputs that changed under it.
func noteOf(end *facts.End) string {
	notes := Notes(end)
	if len(notes) == 0 {
		return ""
	}
	if len(notes) > 1 {
		return fmt.Sprintf("%s, and %d more", notes[0], len(notes)-1)
	}
	return notes[0]
}

// Notes are those things in full, a few words each.
func Notes(end *facts.End) (out []string) {
	if end == nil {
		return nil
	}
	for _, o := range end.Outputs {
		if o.Why() == facts.SkipMissing {
			out = append(out, "output "+o.Path+" missing")
		}
	}
	for _, c := range end.Changed {
		if c.Why() == facts.SkipLarge {
			continue // not looked at again: the task was told to end
		}
		out = append(out, "input "+c.Path+" changed during the run")
	}
	for _, c := range end.Before {
		out = append(out, "input "+c.Path+" changed before the start")
	}
	for _, o := range end.NotCopied {
		out = append(out, o.Path+" not put back")
	}
	for _, n := range end.NotInputs {
		out = append(out, n+" is not among inputs")
	}
	return out
}

// LogTask is the task whose log tells most: the first that failed, else the
// first.
func (s *Status) LogTask() int {
	if !s.Sweep() || s.LoadTasks() != nil {
		return s.Task
	}
	for _, t := range s.Tasks {
		if t.Submitted && t.State.Final() && t.State != slurm.Completed {
			return t.Task
		}
	}
	return s.Task
}

// LogTask is that of what the run's files say, without asking Slurm.
func LogTask(r rundir.Run) int {
	s := fromFiles(r)
	if s.NotSubmitted {
		return 0
	}
	return s.LogTask()
}
