package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// poll is how often a daemon's readiness is asked for.
const poll = 40 * time.Millisecond

// daemon is a process of the cluster that this process started.
type daemon struct {
	before int           // length of the log when it was started
	done   chan struct{} // closed when it has ended
	err    error         // how; valid after done
}

// startAll starts every daemon and waits until all nodes are idle.
func (c *Cluster) startAll(ctx context.Context) error {
	if err := c.startMunged(ctx); err != nil {
		return err
	}
	if c.opts.Accounting {
		if err := c.startAccounting(ctx); err != nil {
			return err
		}
	}
	if err := c.run("slurmctld", "slurmctld", "-D"); err != nil {
		return err
	}
	for _, n := range c.NodeNames() {
		if err := c.run(n, "slurmd", "-D", "-N", n); err != nil {
			return err
		}
	}
	return c.waitIdle(ctx, c.NodeNames())
}

func (c *Cluster) startMunged(ctx context.Context) error {
	// --force: the directory is closed to other users, which munged minds.
	err := c.run("munged", "munged", "--foreground", "--force", "--num-threads=2",
		"--socket="+c.path("munge.sock"), "--key-file="+c.path("munge.key"),
		"--pid-file="+c.path("run/munged.pid"), "--seed-file="+c.path("munge.seed"),
		"--log-file="+c.path("log/munged.log"))
	if err != nil {
		return err
	}
	return c.wait(ctx, poll/8, []string{"munged"}, func(context.Context) (string, error) {
		if _, err := os.Stat(c.path("munge.sock")); err != nil {
			return "munged has no socket", nil
		}
		return "", nil
	})
}

// run starts one daemon under a name, in the foreground, in its own session.
func (c *Cluster) run(name, program string, args ...string) error {
	out, err := os.OpenFile(c.path("log", name+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	before := len(c.Logs(name))
	p, err := proc.Start(context.Background(), proc.Cmd{
		Path: c.progs[program], Args: args, Dir: c.path("spool", name), Stdout: out, Stderr: out,
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
			"HOME=" + c.path("home"), "TMPDIR=" + c.path("tmp"), "SLURM_CONF=" + c.path("slurm.conf"), "MYSQL_UNIX_PORT=" + c.path("my.sock")},
	}, true)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	d := &daemon{before: before, done: make(chan struct{})}
	go func() {
		d.err = p.Wait()
		close(d.done)
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.daemons[name] = d
	return nil
}

// wait polls until is returns "", and meanwhile whether the named daemons live.
// is says what is still wrong; an error from it ends the waiting.
func (c *Cluster) wait(ctx context.Context, every time.Duration, names []string, is func(context.Context) (string, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := ""
	for {
		wrong, err := c.whileAlive(ctx, every, names, is)
		if err != nil || wrong == "" {
			return err
		}
		if err := c.dead(names); err != nil {
			return err
		}
		if ctx.Err() == nil || last == "" {
			last = wrong // later it may only say that it was interrupted
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("%w: %s", context.Cause(ctx), last)
			}
			return fmt.Errorf("%w: %s; %s", context.Cause(ctx), last, c.tail("slurmctld"))
		}
	}
}

// whileAlive asks once, and gives up as soon as one of the named daemons is dead:
// what is asked may be somebody else who never answers, on a port that was taken.
func (c *Cluster) whileAlive(ctx context.Context, every time.Duration, names []string, is func(context.Context) (string, error)) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if c.dead(names) != nil {
					cancel()
				}
			}
		}
	}()
	return is(ctx)
}

// dead returns an error if one of the named daemons has ended, or has logged
// that it will: slurmctld takes up to half a minute from there to its end.
func (c *Cluster) dead(names []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		d := c.daemons[n]
		if d == nil {
			continue
		}
		log := c.Logs(n)
		log = log[min(d.before, len(log)):]
		how := "it logged a fatal error"
		select {
		case <-d.done:
			how = fmt.Sprint(d.err)
		default:
			if !strings.Contains(log, " fatal: ") {
				continue
			}
		}
		err := fmt.Errorf("%s ended (%s); %s", n, how, c.tail(n))
		if strings.Contains(log, "Address already in use") {
			err = fmt.Errorf("%w: %w", errPortTaken, err)
		}
		return err
	}
	return nil
}

// waitIdle waits until the named nodes are idle.
func (c *Cluster) waitIdle(ctx context.Context, nodes []string) error {
	return c.wait(ctx, poll, append([]string{"slurmctld", "munged"}, nodes...), func(ctx context.Context) (string, error) {
		states, err := c.nodeStates(ctx)
		if err != nil {
			return err.Error(), nil // the controller does not answer yet
		}
		var wrong []string
		for _, n := range nodes {
			if states[n] != "idle" {
				wrong = append(wrong, fmt.Sprintf("node %s is %q", n, states[n]))
			}
		}
		return strings.Join(wrong, ", "), nil
	})
}

// nodeStates asks sinfo for the state of each node, as its %T shows it.
func (c *Cluster) nodeStates(ctx context.Context) (map[string]string, error) {
	res, err := proc.System{}.Run(ctx, proc.Cmd{Path: c.progs["sinfo"], Args: []string{"-h", "-a", "-N", "-o", "%N %T"}, Env: c.Env()})
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for line := range strings.Lines(string(res.Stdout)) {
		if name, state, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			states[name] = state
		}
	}
	return states, nil
}

// KillNode kills a node as a power cut would: slurmd and every process of its
// jobs get SIGKILL. The controller is told at once that the node is down (it
// would find out by itself after SlurmdTimeout), so that its jobs end as
// NODE_FAIL or are requeued. A requeued job may start again after two minutes;
// `scontrol update JobId=… StartTime=now` spares the wait.
func (c *Cluster) KillNode(ctx context.Context, name string) error {
	if err := killAll(func() ([]process, error) { return c.processes(name) }); err != nil {
		return fmt.Errorf("kill node %s: %w", name, err)
	}
	return c.scontrol(ctx, "update", "NodeName="+name, "State=DOWN", "Reason=killed")
}

// StartNode starts the slurmd of a node that was killed, and waits until the
// node is idle and nothing is on its way that was meant for its former life:
// slurmctld tries for seconds to have a dead node end its jobs, and what arrives
// late would end the same job's next start.
func (c *Cluster) StartNode(ctx context.Context, name string) error {
	if err := c.run(name, "slurmd", "-D", "-N", name); err != nil {
		return err
	}
	if err := c.waitIdle(ctx, []string{name}); err != nil {
		return err
	}
	return c.wait(ctx, poll, []string{"slurmctld", name}, c.toldAll)
}

// onItsWay are sdiag's counts of what slurmctld sends, or has to send again.
var onItsWay = lazyre.New(`(?m)^Agent (?:queue size|count): *(\d+)$`)

// toldAll says whether slurmctld still has something to tell its nodes.
func (c *Cluster) toldAll(ctx context.Context) (string, error) {
	res, err := proc.System{}.Run(ctx, proc.Cmd{Path: c.progs["sdiag"], Env: c.Env()})
	if err != nil {
		return err.Error(), nil
	}
	counts := onItsWay.FindAllSubmatch(res.Stdout, -1)
	if len(counts) != 2 {
		return "", fmt.Errorf("sdiag does not tell what is on its way:\n%s", res.Stdout)
	}
	for _, m := range counts {
		if string(m[1]) != "0" {
			return "slurmctld has messages on their way", nil
		}
	}
	return "", nil
}

// RestartSlurmd kills a node's slurmd alone, whose jobs run on, and starts it
// again. meanwhile is called in between.
func (c *Cluster) RestartSlurmd(name string, meanwhile func()) error {
	ps, err := c.processes(name)
	if err != nil {
		return err
	}
	for _, p := range ps {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid))
		// Debian's alternatives make it slurmd-wlm.
		if base := filepath.Base(exe); err != nil || base != "slurmd" && base != "slurmd-wlm" {
			continue
		}
		if err := p.signal(unix.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill slurmd of %s: %w", name, err)
		}
	}
	meanwhile()
	return c.run(name, "slurmd", "-D", "-N", name)
}

// KillController kills slurmctld as a power cut would: what it has not saved is
// gone. Jobs run on.
func (c *Cluster) KillController() error {
	return killAll(func() ([]process, error) { return c.processes("slurmctld") })
}

// StopController ends slurmctld, which saves its state first. Jobs run on.
func (c *Cluster) StopController(ctx context.Context) error {
	ps, err := c.processes("slurmctld")
	if err != nil {
		return err
	}
	for _, p := range ps {
		if err := p.signal(unix.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop slurmctld: %w", err)
		}
	}
	return c.wait(ctx, poll, nil, func(context.Context) (string, error) {
		ps, err := c.processes("slurmctld")
		if len(ps) == 0 {
			return "", err
		}
		return "slurmctld still runs", nil
	})
}

// StartController starts slurmctld again and waits until it answers.
func (c *Cluster) StartController(ctx context.Context) error {
	if err := c.run("slurmctld", "slurmctld", "-D"); err != nil {
		return err
	}
	return c.wait(ctx, poll, []string{"slurmctld"}, func(ctx context.Context) (string, error) {
		if _, err := c.nodeStates(ctx); err != nil {
			return err.Error(), nil
		}
		return "", nil
	})
}

func (c *Cluster) scontrol(ctx context.Context, args ...string) error {
	_, err := proc.System{}.Run(ctx, proc.Cmd{Path: c.progs["scontrol"], Args: args, Env: c.Env()})
	return err
}
