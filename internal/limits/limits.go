// Package limits looks at the limits of a process (setrlimit(2)) before it works.
//
// It promises that a limit within which the program could begin, and not go on,
// is an error, where Go's runtime would end it with a trace.
package limits

import (
	"fmt"
	"runtime/debug"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/humanize"
)

// Go's runtime takes address space that it never uses before main begins: some
// 730 MiB on x86-64 (Go 1.26), and 64 MiB for each further piece of its heap. What
// it gets no memory for later ends the program with a trace.
// MinSpace and MinData are the least, in bytes, that is allowed.
const (
	runtimeSpace = 736 << 20
	MinSpace     = 896 << 20
	runtimeData  = 96 << 20
	MinData      = 256 << 20
	piece        = 64 << 20
)

// Enough says what the process has too little of; nil where it can work.
func Enough() error {
	if err := descriptors(); err != nil {
		return err
	}
	return memory()
}

// memory refuses limits (setrlimit(2)) within which the program can begin, and
// not go on. Within larger ones it collects garbage early, and what it reads is
// bounded by what there is.
func memory() error {
	for _, l := range []struct {
		which      int
		what, flag string
		taken, min uint64
	}{
		{syscall.RLIMIT_AS, "address space", "-v", runtimeSpace, MinSpace},
		{syscall.RLIMIT_DATA, "data", "-d", runtimeData, MinData},
	} {
		var r syscall.Rlimit
		if err := syscall.Getrlimit(l.which, &r); err != nil || r.Cur >= 1<<40 {
			continue // unlimited is the largest number
		}
		if r.Cur < l.min {
			return fault.New(fmt.Sprintf("no more than %s of %s is allowed", humanize.IBytes(r.Cur), l.what),
				fmt.Sprintf("ulimit %s shows the limit in KiB; nixbatch needs %d", l.flag, l.min>>10))
		}
		debug.SetMemoryLimit(int64(min(r.Cur-l.taken-piece, uint64(debug.SetMemoryLimit(-1)))))
	}
	return nil
}

// descriptors makes sure that there are as many file descriptors as Go's runtime
// takes for itself: it ends with a trace where it does not get them.
func descriptors() error {
	const few = 8
	var open []int
	defer func() {
		for _, fd := range open {
			syscall.Close(fd)
		}
	}()
	for range few {
		fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return fault.New(fmt.Sprintf("no file can be opened: %v", err), "ulimit -n shows how many are allowed; 64 are enough").Because(err)
		}
		open = append(open, fd)
	}
	return nil
}
