package testbed

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// The watchdog is this same program, started again with watchdogVar set. It
// reads from a pipe whose other end only its parent holds: end of file means
// that the parent is gone, however it went.
const (
	watchdogVar = "NIXBATCH_TESTBED_WATCHDOG" // the cluster's directory
	keepVar     = "NIXBATCH_TESTBED_KEEP"
)

func init() {
	if dir := os.Getenv(watchdogVar); dir != "" {
		watch(dir, os.Getenv(keepVar) != "")
	}
}

func watch(dir string, keep bool) {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	word := make([]byte, 1)
	if n, err := io.ReadFull(os.Stdin, word); n == 1 && err == nil {
		os.Exit(0) // dismissed: the parent has tidied up itself
	}
	if err := takeDown(dir, keep); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

type watchdog struct {
	p    *proc.Process
	pipe *os.File
}

func startWatchdog(dir string, keep bool) (*watchdog, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	env := []string{watchdogVar + "=" + dir}
	if keep {
		env = append(env, keepVar+"=1")
	}
	p, err := proc.Start(context.Background(), proc.Cmd{
		Path: "/proc/self/exe", Args: []string{"watchdog", dir}, Env: env, Dir: "/", Stdin: r,
	}, true)
	if err != nil {
		w.Close()
		return nil, err
	}
	return &watchdog{p, w}, nil
}

// dismiss ends the watchdog without its doing anything.
func (d *watchdog) dismiss() {
	if d == nil {
		return
	}
	d.pipe.Write([]byte("x"))
	d.pipe.Close()
	d.p.Wait()
}
