package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Ident is one process of this machine: process ids are used again, and the time
// at which it began tells them apart.
type Ident struct {
	Pid     int    `json:"pid"`
	Started uint64 `json:"started"` // clock ticks after the machine's start (proc(5), stat, field 22)
}

// procStat is what of /proc/PID/stat is looked at.
type procStat struct {
	Ident
	parent int
	over   bool // nobody has waited for it yet
}

// Identify describes a process that lives; os.ErrNotExist where there is none.
func Identify(pid int) (Ident, error) {
	s, err := statOf(pid)
	if err == nil && s.over {
		err = os.ErrNotExist
	}
	return s.Ident, err
}

func statOf(pid int) (procStat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, unix.ESRCH) { // it ended while it was read
		err = os.ErrNotExist
	}
	if err != nil {
		return procStat{}, err
	}
	s := procStat{Ident: Ident{Pid: pid}}
	// The program's name comes second, in brackets, and may hold any others.
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(f) < 20 {
		return s, fmt.Errorf("/proc/%d/stat: it is cut off", pid)
	}
	s.over = f[0] == "Z" || f[0] == "X"
	if s.parent, err = strconv.Atoi(f[1]); err != nil {
		return s, err
	}
	s.Started, err = strconv.ParseUint(f[19], 10, 64)
	return s, err
}

// Signal sends a signal to that process and to no other, also when its id was
// given to another in the meantime: then it is os.ErrNotExist. Kernels before
// 5.3 leave a gap of microseconds there.
func (i Ident) Signal(s unix.Signal) error {
	fd, err := unix.PidfdOpen(i.Pid, 0)
	if err == nil {
		defer unix.Close(fd)
	} else if errors.Is(err, unix.ESRCH) {
		return os.ErrNotExist
	}
	if now, ierr := Identify(i.Pid); ierr != nil {
		return ierr
	} else if now != i {
		return os.ErrNotExist
	}
	if err == nil {
		err = unix.PidfdSendSignal(fd, s, nil, 0)
	} else {
		err = unix.Kill(i.Pid, s)
	}
	if errors.Is(err, unix.ESRCH) {
		err = os.ErrNotExist
	}
	return err
}
