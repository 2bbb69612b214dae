package proc

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Adopt makes this process the parent of each of its descendants whose own
// parent ends (PR_SET_CHILD_SUBREAPER, prctl(2)): none can leave the family by
// going into the background.
func Adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// Family are the processes below this one.
type Family struct{ but map[int]bool }

// FamilyFromNow is the descendants that this process gets from now on: not the
// children that it has.
func FamilyFromNow() Family {
	f := Family{but: map[int]bool{}}
	for _, s := range processes() {
		if s.parent == os.Getpid() {
			f.but[s.Pid] = true
		}
	}
	return f
}

// familyTick is how often it is looked whether a family is gone: kernels before
// 5.3 tell nobody but the parent of a process's end.
const familyTick = 10 * time.Millisecond

// killed is how long what got SIGKILL is waited for: only the kernel can hold it
// (a file system that does not answer).
const killed = 10 * time.Second

// End tells all that lives of the family to end, waits up to grace, then kills
// what is left. It reports whether nobody is left. Processes of the family that
// somebody else here waits for have to be over.
func (f Family) End(grace time.Duration) bool {
	sig, until := unix.SIGTERM, time.Now().Add(grace)
	if grace <= 0 {
		sig, until = unix.SIGKILL, time.Now().Add(killed)
	}
	told := map[Ident]bool{}
	for {
		f.Reap(0)
		left := f.living()
		if len(left) == 0 {
			return true
		}
		for _, p := range left { // also those that were begun in the meantime
			if !told[p] || sig == unix.SIGKILL {
				told[p] = true
				_ = p.Signal(sig) // it may be over by now
			}
		}
		if time.Now().After(until) {
			if sig == unix.SIGKILL {
				return false
			}
			sig, until = unix.SIGKILL, time.Now().Add(killed)
			continue
		}
		time.Sleep(familyTick)
	}
}

// Signal sends a signal to all that lives of the family.
func (f Family) Signal(sig unix.Signal) {
	for _, p := range f.living() {
		_ = p.Signal(sig) // it may be over by now
	}
}

// Reap waits for those of the family that were adopted and are over, but for one
// that somebody else here waits for.
func (f Family) Reap(but int) {
	for _, s := range processes() {
		if s.over && s.parent == os.Getpid() && !f.but[s.Pid] && s.Pid != but {
			_, _ = unix.Wait4(s.Pid, nil, unix.WNOHANG, nil) // else somebody did
		}
	}
}

// living lists the family.
func (f Family) living() (out []Ident) {
	all := processes()
	of := map[int]bool{os.Getpid(): true}
	for grew := true; grew; {
		grew = false
		for _, s := range all {
			if !of[s.Pid] && of[s.parent] && !f.but[s.Pid] {
				of[s.Pid], grew = true, true
			}
		}
	}
	for _, s := range all {
		if of[s.Pid] && s.Pid != os.Getpid() && !s.over {
			out = append(out, s.Ident)
		}
	}
	return out
}

// processes are those that /proc shows.
func processes() (out []procStat) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, err := statOf(pid); err == nil {
			out = append(out, s)
		}
	}
	return out
}
