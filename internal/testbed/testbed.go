// Package testbed is a private Slurm of several nodes and a private Nix
// configuration on one machine, for tests and for a person to play with.
//
// It promises that everything it makes (keys, sockets, state, logs, spool
// directories, configuration) lies in one directory, that its daemons listen on
// loopback as far as Slurm can (below), and that Stop, a failed Start, an
// interrupt, or the death of the
// program that started it leave neither a process nor a file. It runs as root
// or as an ordinary user; jobs run as that same user.
//
// It never reads or writes the machine's own Slurm, munge or Nix settings, nor
// the caller's home directory, and never skips: a program that is missing is an
// error which names the Debian package. Nix's store is the machine's /nix, for
// Nix can build nowhere else without user namespaces; only its configuration is
// private.
//
// Slurm 22.05 listens either on every interface or on what the host's own name
// resolves to. Where that is 127.0.0.1, all is on loopback. Where it is another
// loopback address (Debian's installer chooses 127.0.1.1), slurmctld is, but
// slurmd and srun listen on every interface, since steps call srun back on
// 127.0.0.1; elsewhere all do. What guards them then is munge's private key.
package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// Options say what cluster to start. The zero value is the default cluster.
type Options struct {
	// Dir is the cluster's directory: absent or empty, its path at most
	// MaxDir bytes. "" makes a new one below os.TempDir().
	Dir string
	// Name is Slurm's ClusterName, in lower case; "" is testbed.
	Name string
	// Detach lets the cluster outlive this process. Without it a watchdog
	// process takes the cluster down as soon as this process is gone.
	Detach bool
	// Keep leaves the directory behind (never the processes), to read its logs.
	Keep bool
	// Classes of nodes; nil means DefaultClasses().
	Classes []Class
	// ExtraConf is added at the end of slurm.conf.
	ExtraConf string
	// BasePort is slurmctld's port, the nodes' follow. 0 finds free ports.
	BasePort int
	// CPUInfo maps a class or a node to a saved /proc/cpuinfo; see SetCPUInfo.
	CPUInfo map[string]string
	// Accounting starts slurmdbd on a MariaDB of its own (Debian's slurmdbd and
	// mariadb-server): sacct answers.
	Accounting bool
	// NoNix starts the cluster where no Nix is installed or usable.
	NoNix bool
	// Timeout bounds the time until all nodes are idle (0: DefaultTimeout).
	Timeout time.Duration
}

// DefaultTimeout is far above what a start takes, also on a machine that is busy
// with other things: it ends the wait for daemons that live and never answer.
// One that dies is noticed at once.
const DefaultTimeout = 15 * time.Minute

// MaxDir is the longest path of a cluster's directory, in bytes: slurmstepd
// makes sockets DIR/spool/NODE/NODE_JOB.STEP, and unix(7) allows 107 bytes.
const MaxDir = 64

// Cluster is a running cluster.
type Cluster struct {
	Dir     string  // everything is in here
	Classes []Class // as started; nil (and no NodeNames) for a cluster found by Open

	opts    Options
	progs   map[string]string
	mu      sync.Mutex
	daemons map[string]*daemon
	dog     *watchdog
	stop    sync.Once
	stopErr error
}

// Start starts a cluster and returns when all of its nodes are idle. When it
// fails, or ctx is done before that, it leaves nothing behind.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Classes == nil {
		o.Classes = DefaultClasses()
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Name == "" {
		o.Name = "testbed"
	}
	progs, err := findPrograms(!o.NoNix)
	if err == nil && o.Accounting {
		err = addPrograms(progs, accountingNeeds)
	}
	if err != nil {
		return nil, err
	}
	if !o.NoNix {
		if err := nixUsable(); err != nil {
			return nil, err
		}
	}
	// Free ports are found before the daemons bind them; a neighbour may have
	// been quicker, and then other ports are tried.
	for attempt := 1; ; attempt++ {
		c, err := start(ctx, o, progs)
		if err == nil || o.BasePort != 0 || attempt == 3 || !errors.Is(err, errPortTaken) {
			return c, err
		}
	}
}

func start(ctx context.Context, o Options, progs map[string]string) (_ *Cluster, err error) {
	dir, lock, err := makeDir(o.Dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	c := &Cluster{Dir: dir, Classes: o.Classes, opts: o, progs: progs, daemons: map[string]*daemon{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
			if o.Keep {
				err = fmt.Errorf("%w\nkept: %s", err, dir)
			}
		}
	}()
	if !o.Detach {
		if c.dog, err = startWatchdog(dir, o.Keep); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(c.path(marker), nil, 0o600); err != nil {
		return nil, err
	}
	if err := c.writeFiles(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout,
		fmt.Errorf("the cluster was not ready after %s", o.Timeout))
	defer cancel()
	if err := c.startAll(ctx); err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.path("ready"), nil, 0o600); err != nil {
		return nil, err
	}
	return c, nil
}

// Open finds a cluster that another process started with Detach, or what is
// left of it. The error wraps fs.ErrNotExist where there is none.
func Open(dir string) (*Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := checkOwner(dir); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
		return nil, fmt.Errorf("no cluster in %s: %w", proc.Quote(dir), err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	lock.Close()
	progs, err := findPrograms(false)
	if err != nil {
		return nil, err
	}
	return &Cluster{Dir: dir, progs: progs, daemons: map[string]*daemon{}, opts: Options{Detach: true}}, nil
}

// Up reports whether the cluster was started to the end and its controller runs.
func (c *Cluster) Up() bool {
	if _, err := os.Stat(c.path("ready")); err != nil {
		return false
	}
	ps, err := c.processes("slurmctld")
	return err == nil && len(ps) > 0
}

// Stop ends every process of the cluster, those of its jobs as well, and
// removes the directory. Calling it again does nothing.
func (c *Cluster) Stop() error {
	c.stop.Do(func() {
		c.stopErr = takeDown(c.Dir, c.opts.Keep)
		if c.stopErr == nil { // else a daemon may still run
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, d := range c.daemons {
				<-d.done
			}
		}
		c.dog.dismiss()
	})
	return c.stopErr
}

func (c *Cluster) path(elem ...string) string {
	return filepath.Join(append([]string{c.Dir}, elem...)...)
}

// Logs returns what a daemon ("munged", "slurmctld" or a node's name) has
// logged, or what it printed if it never came to open its log.
func (c *Cluster) Logs(name string) string {
	for _, suffix := range []string{".log", ".out"} {
		if b, err := os.ReadFile(c.path("log", name+suffix)); err == nil && len(b) > 0 {
			return string(b)
		}
	}
	return ""
}

// tail is the end of a log, for an error. Left out is that Debian's Slurm misses
// its PMIx library, which it logs whatever MpiDefault says.
func (c *Cluster) tail(name string) string {
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(c.Logs(name)), "\n"), func(l string) bool {
		return strings.Contains(l, "pmix")
	})
	lines = lines[max(0, len(lines)-12):]
	return fmt.Sprintf("the end of %s's log:\n  %s", name, strings.Join(lines, "\n  "))
}
