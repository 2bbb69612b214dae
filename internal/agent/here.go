package agent

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// hereGrace is what a local run's payload has between the signal that tells it to
// end and SIGKILL; restGrace what is left of it has once its bash is over.
const (
	hereGrace = 8 * time.Second
	restGrace = 2 * time.Second
)

// here ends what a local run's payload started, as Slurm does on a node: nothing
// of it outlives its agent, whatever went into the background. Of a job of
// Slurm's it does nothing.
type here struct {
	local   bool
	family  proc.Family
	due     <-chan time.Time // when SIGKILL comes
	orphans chan os.Signal   // some process of the family may be over
	told    bool
	killed  bool
}

func (a *Agent) newHere() (*here, error) {
	h := &here{local: a.plan.Local}
	if !h.local {
		return h, nil
	}
	if err := proc.Adopt(); err != nil {
		return nil, fmt.Errorf("the payload's processes cannot be held together: %w", err)
	}
	runtime.LockOSThread() // see proc.Cmd.Death
	h.family, h.orphans = proc.FamilyFromNow(), make(chan os.Signal, 1)
	signal.Notify(h.orphans, syscall.SIGCHLD)
	return h, nil
}

func (h *here) done() {
	if h.local {
		signal.Stop(h.orphans)
		runtime.UnlockOSThread()
	}
}

// death is the signal that the payload gets when its agent is killed.
func (a *Agent) death() syscall.Signal {
	if a.plan.Local {
		return syscall.SIGKILL
	}
	return 0
}

// saw notes a signal: the first that tells to end starts the grace time, the
// second ends it.
func (h *here) saw(s os.Signal) {
	switch {
	case !h.local || !ends(s):
	case h.told:
		h.kill()
	default:
		h.told, h.due = true, time.After(hereGrace)
	}
}

func (h *here) kill() {
	h.killed = true
	h.family.Signal(unix.SIGKILL)
}

// end ends what the payload left behind, and says so if somebody did not.
func (h *here) end() string {
	if !h.local {
		return ""
	}
	grace := restGrace
	if h.killed {
		grace = 0
	}
	if !h.family.End(grace) {
		return "processes that the payload left behind did not end"
	}
	return ""
}
