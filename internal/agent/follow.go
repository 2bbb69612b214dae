package agent

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// hurriedLimit bounds, in bytes, the files that are hashed when the task was
// told to end: Slurm kills what is left after KillWait (30 seconds by default).
const hurriedLimit = 1 << 30

// following is a payload on its way to its end.
type following struct {
	*Agent
	p     Payload
	here  *here
	check *checkpoint
	told  string // the signal that told it to end, or ""
}

// toItsEnd hands on the signals that come, and returns what Wait does.
func (f *following) toItsEnd(got <-chan os.Signal) error {
	done := make(chan error, 1)
	go func() { done <- f.p.Wait() }()
	for {
		select {
		case s := <-got:
			f.handOn(s)
		case <-f.here.due:
			f.here.kill()
		case <-f.here.orphans:
			f.here.family.Reap(f.p.Pid())
		case <-f.check.due:
			if f.plan.Checkpoint.Requeue {
				f.check.stopped = true
				f.endGroup(f.p, f.grace())
			}
		case err := <-done:
			select { // Slurm signals all of the job's processes: the payload may be quicker
			case s := <-got:
				if ends(s) {
					f.told = s.String()
				}
			default:
			}
			return err
		}
	}
}

// handOn gives the payload a signal that the agent got.
func (f *following) handOn(s os.Signal) {
	if (f.plan.Checkpoint == nil || !f.check.saw(s, f.plan.Checkpoint.Before)) && ends(s) {
		f.told = s.String()
	}
	// The group may be gone already; then there is nobody to tell.
	f.p.Signal(s.(syscall.Signal))
	if s == syscall.SIGTERM && f.dir != "" {
		f.endGroup(f.p, f.grace())
	}
	f.here.saw(s)
}

// ended writes into the end how the payload ended.
func (f *following) ended(end *facts.End, werr error) {
	end.ExitCode, end.Signal = exitOf(werr)
	if left := f.here.end(); left != "" {
		fmt.Fprintf(f.Stderr, "nixbatch: %s\n", left)
	}
	switch {
	case f.told != "":
		end.TellToEnd(f.told)
	case end.ExitCode != 0:
		end.Reason = f.diskFull(end.ExitCode)
	}
	user, system, rss := f.p.Used()
	end.UserTime, end.SysTime, end.MaxRSS = user.Seconds(), system.Seconds(), rss
}

// limit bounds the files that are hashed.
func (f *following) limit() int64 {
	if f.told != "" {
		return hurriedLimit
	}
	return digest.HashLimit
}

// ends reports whether a signal tells to end: the others may mean anything, and
// a payload that dies of one has it in its end.
func ends(s os.Signal) bool {
	return s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT
}

// exitOf is the exit code a shell would give, and the signal's name.
func exitOf(err error) (code int, sig string) {
	var pe *proc.Error
	if !errors.As(err, &pe) {
		return 0, ""
	}
	if pe.Signal != "" {
		var ee interface{ Sys() any }
		if errors.As(pe.Err, &ee) {
			if ws, ok := ee.Sys().(syscall.WaitStatus); ok {
				return 128 + int(ws.Signal()), pe.Signal
			}
		}
		return 255, pe.Signal
	}
	return pe.ExitCode, ""
}
