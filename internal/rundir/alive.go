package rundir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// Alive is what an agent leaves in AliveFile, which it holds a lock on for as
// long as it lives.
type Alive struct {
	proc.Ident
	Boot string `json:"boot"` // of the machine since it was started (random(4), boot_id)
	Host string `json:"host"`
}

// boot tells this start of this machine from all others; "" where it is hidden.
func boot() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// reserve is what the file takes on disk in bytes while its agent lives, so that
// an end can be written where the disk is full by then.
const reserve = 64 << 10

// GiveReserve gives the disk back what the file kept of it.
func GiveReserve(f *os.File) { _ = f.Truncate(aliveMost) } // else the end may fail, which is told

// aliveMost bounds what the file says, in bytes.
const aliveMost = 4096

// HoldAlive makes the file, says in it which process this is, and locks it. A
// file system without locks says nothing about who is alive.
func HoldAlive(file string) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	id, err := proc.Identify(os.Getpid())
	if err != nil {
		return f, nil // without it the run cannot be cancelled from elsewhere
	}
	a := Alive{Ident: id, Boot: boot()}
	a.Host, _ = os.Hostname()
	data, err := json.Marshal(a)
	if err == nil && len(data) <= aliveMost {
		// Blank lines behind it, one page of them many times. A full disk is no reason
		// not to run.
		page := bytes.Repeat([]byte("\n"), aliveMost)
		parts := [][]byte{append(data, page[len(data):]...)}
		for len(parts) < reserve/aliveMost {
			parts = append(parts, page)
		}
		_, _ = unix.Writev(int(f.Fd()), parts)
	}
	return f, nil
}

// Held reports whether there is such a file, and whether somebody holds it. That
// this cannot be told is an error.
func Held(file string) (there, held bool, err error) {
	f, err := durable.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, true, nil
	}
	return true, false, nil // a file system without locks says nothing
}

// Agent is the process on this machine that holds the file. fs.ErrNotExist says
// that nobody does.
func Agent(file string) (proc.Ident, error) {
	f, err := durable.Open(file)
	if err != nil {
		return proc.Ident{}, err
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		if err == nil {
			err = fs.ErrNotExist
		}
		return proc.Ident{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, aliveMost))
	if err != nil {
		return proc.Ident{}, err
	}
	var a Alive
	if err := json.Unmarshal(data, &a); err != nil || a.Pid <= 1 || a.Boot == "" {
		return proc.Ident{}, fmt.Errorf("%s does not say which process holds it", file)
	}
	if a.Boot != boot() {
		return proc.Ident{}, &OtherHostError{Host: a.Host}
	}
	now, err := proc.Identify(a.Pid)
	if err != nil || now != a.Ident {
		return proc.Ident{}, fmt.Errorf("%s is held, but not by the process %d that it names", file, a.Pid)
	}
	return a.Ident, nil
}

// OtherHostError is an agent that runs on another machine.
type OtherHostError struct{ Host string }

func (e *OtherHostError) Error() string { return "it runs on " + e.Host + ", not on this machine" }

// Kind is that of something to wait for, or to mend.
func (e *OtherHostError) Kind() fault.Kind { return fault.Input }
