package agent

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/numbers"
	"github.com/nixbatch/nixbatch/slurm"
)

// lastMoments is how long before the time limit a task that has had its
// checkpoint signal and still runs is requeued: the rest is for copying files.
const lastMoments = 30 * time.Second

// checkpoint follows a payload that has a signal to expect.
type checkpoint struct {
	signal  syscall.Signal // 0: none
	had     bool           // the signal came
	after   func(time.Duration) <-chan time.Time
	due     <-chan time.Time // when a payload that goes on has to end
	stopped bool             // we ended it
}

func (a *Agent) newCheckpoint() *checkpoint {
	c := &checkpoint{after: a.After}
	if p := a.plan.Checkpoint; p != nil {
		c.signal = unix.SignalNum("SIG" + p.Signal)
	}
	return c
}

// saw notes a signal and reports whether it is the checkpoint's.
func (c *checkpoint) saw(s os.Signal, before int) bool {
	if c.signal == 0 || s != os.Signal(c.signal) {
		return false
	}
	if !c.had {
		c.had = true
		left := time.Duration(before) * time.Second
		// Slurm sends the signal early rather than late (sbatch(1), --signal).
		c.due = c.after(max(left-lastMoments, left/2))
	}
	return true
}

// again reports whether the task has to go on in another attempt: the signal
// came, and the payload ended in peace, by the signal, or because its time was
// over. Any other end is its own affair.
func (a *Agent) again(c *checkpoint, code int) bool {
	return c.had && a.plan.Checkpoint.Requeue && (code == 0 || c.stopped || code == 128+int(c.signal))
}

// requeue asks Slurm to start this task again. Slurm then ends this attempt,
// which has KillWait (slurm.conf(5)) to write down its end.
func (a *Agent) requeue(ctx context.Context) error {
	job, ok := slurm.ReadBatchStep(a.Getenv)
	if !ok {
		return fmt.Errorf("there is no Slurm job to requeue")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return a.Client(a.stepEnv()).Requeue(ctx, job.Ref())
}

// finish ends an attempt whose payload is over: the task is requeued if it has to
// go on, and else its outputs are kept and put back.
func (a *Agent) finish(ctx context.Context, c *checkpoint, end *facts.End, limit int64) {
	if p := a.plan.Checkpoint; p != nil && len(p.Files) > 0 {
		end.Checkpoint = a.describe(p.Files, limit)
	}
	if a.again(c, end.ExitCode) && a.goesOn(ctx, c, end) {
		end.Outputs = a.describe(a.plan.Outputs, limit)
		end.Numbers = numbers.Find(os.DirFS(a.at()), a.plan.Compare, end.Outputs, a.printed.open)
		if a.plan.Scratch != nil && len(end.NotCopied) == 0 {
			a.leave(nil) // the next attempt may be on another node
		}
		return
	}
	end.Outputs = a.outputs(limit)
	end.Numbers = numbers.Find(os.DirFS(a.at()), a.plan.Compare, end.Outputs, a.printed.open)
	end.Undeclared = a.undeclared(end.Outputs)
	if end.ExitCode != 0 {
		end.NotInputs = a.notInputs()
	}
	end.NotCopied = append(end.NotCopied, a.putBack(end.Outputs, end.ExitCode == 0)...)
	if end.ExitCode != 0 && a.plan.Checkpoint != nil {
		end.NotCopied = append(end.NotCopied, a.carry(a.plan.Checkpoint.Files)...)
	}
	a.leave(end.NotCopied)
	for _, n := range end.NotInputs {
		fmt.Fprintf(a.Stderr, "hint: %s lies beside the job file and is not among its inputs: the task did not have it\n", n)
	}
}

// goesOn requeues the task, and reports whether it could be.
func (a *Agent) goesOn(ctx context.Context, c *checkpoint, end *facts.End) bool {
	end.NotCopied = a.carry(slices.Concat(a.plan.Outputs, a.plan.Checkpoint.Files))
	if len(end.NotCopied) > 0 {
		a.leave(end.NotCopied)
	}
	if err := a.requeue(ctx); err != nil {
		end.Reason = "it has to go on, but could not be requeued: " + err.Error()
		if end.ExitCode == 0 {
			end.ExitCode = 128 + int(c.signal) // what is not finished is no success
		}
		fmt.Fprintf(a.Stderr, "nixbatch: %s\n", end.Reason)
		return false
	}
	end.Requeued, end.Reason = true, "checkpoint: it goes on in another attempt"
	fmt.Fprintf(a.Stderr, "nixbatch: attempt %d ends here, the task is requeued\n", a.attempt)
	return true
}

// trap keeps bash alive under the checkpoint's signal while a program of the
// user's handles it; that program gets it untouched.
func (c *checkpoint) trap() string {
	if c.signal == 0 {
		return ""
	}
	return "trap : " + strings.TrimPrefix(unix.SignalName(c.signal), "SIG") + "\n"
}
