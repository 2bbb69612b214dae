package campaign

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// disk is a small file system of the project's own. Only root may mount one, and
// make faults and make test run as root.
func (f *fault) disk() {
	f.shell("mount -t tmpfs -o size=64m,mode=0700 faults " + f.dir)
	f.undo = append(f.undo, func() { f.shell("umount --lazy " + f.dir) })
	f.broken(f.g.copyProject(f.dir))
	f.job(f.work)
}

func (f *fault) shell(line string) {
	if out, err := exec.Command("/bin/sh", "-c", line).CombinedOutput(); err != nil {
		f.broken(fmt.Errorf("%s: %w: %s", line, err, out))
	}
}

const (
	// A file takes all that is left, to the last byte.
	fill = `{ cat /dev/zero >"$PROJECT/fill"; cat /dev/zero >>"$PROJECT/fill"; } 2>/dev/null; `
	lock = `mount --bind "$PROJECT" "$PROJECT" && mount -o remount,ro,bind "$PROJECT"; `
	// To root without some capabilities: see unable.
	closed = `find "$PROJECT" -type d -exec chmod u-w {} +; `
)

// unable starts a program as root that permissions bind as they do others.
var unable = []string{"setpriv", "--bounding-set=-dac_override,-dac_read_search"}

// spoil does one of these by the harness's hand.
func (f *fault) spoil(how string) { f.shell("PROJECT=" + f.dir + "; " + how + "true") }

// mend frees the disk.
func (f *fault) mend(how string) {
	switch how {
	case fill:
		f.broken(os.Remove(filepath.Join(f.dir, "fill")))
	case closed:
		f.shell("find " + f.dir + " -type d -exec chmod u+w {} +")
	default:
		f.shell("umount --lazy " + f.dir)
	}
}

// disks are full, read-only and closed disks, other limits, and locks that were left.
func disks() []kind {
	var all []kind
	for _, d := range []struct{ name, does, how string }{
		{"full", "the disk is full", fill},
		{"read-only", "the project is read-only", lock},
		{"closed", "the user may write to no directory of the project", closed},
	} {
		row := func(name, does string, run func(f *fault)) {
			all = append(all, kind{name: d.name + "-" + name, does: d.does + " " + does, holds: once, share: 0.6, run: func(f *fault) {
				f.disk()
				if d.how == closed {
					f.before = unable
				}
				run(f)
			}})
		}
		// wherever is a submission under which it happens.
		wherever := func(name, does, program, body string) {
			row(name, does, func(f *fault) {
				f.front(program, fmt.Sprintf(body, d.how))
				f.submit()
				f.mend(d.how)
				f.retryUnran()
				f.follow()
			})
		}
		row("throughout", "before submit begins", func(f *fault) {
			f.spoil(d.how)
			f.submit()
			f.mend(d.how)
			f.follow()
		})
		wherever("planning", "from when submit plans", "sinfo", `%s`+take)
		wherever("before", "from before the real sbatch", "sbatch", `%s`+take)
		wherever("after", "from after the real sbatch, whose answer comes", "sbatch", take+`; %s`)
		wherever("after-silently", "from after the real sbatch, which times out", "sbatch", taken+`; %s`+timedOut)
		if d.how != closed { // root on a node may write
			onNode(row, d.how)
		}
		row("settling", "when status settles a submission", func(f *fault) {
			f.front("sbatch", taken+`; kill -KILL $PPID`)
			f.submit()
			f.lift()
			f.spoil(d.how)
			f.status()
			f.mend(d.how)
			f.retryUnran()
			f.follow()
		})
		row("cancel", "when a job is cancelled", func(f *fault) {
			f.submit()
			f.started(1)
			f.spoil(d.how)
			s := f.run("cancel", f.name)
			f.mend(d.how)
			if t := s.told(); t.end || t.over {
				f.cancelled, f.least = true, 0
			}
			f.follow()
		})
		row("retry", "when a job that failed is retried", func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			f.spoil(d.how)
			f.run("retry", f.name)
			f.drained()
			f.mend(d.how)
			if c, _ := f.learn(func(c claim, ok bool) bool { return c.final() }); c.State != "completed" {
				f.run("retry", f.name)
			}
			f.finish()
		})
	}
	return append(all, limits()...)
}

// onNode are those that the agent meets.
func onNode(row func(name, does string, run func(f *fault)), how string) {
	row("start", "when the job starts", func(f *fault) {
		f.job(work{hold: true})
		f.submit()
		f.spoil(how)
		f.control("release")
		f.endedOrRuns()
		f.mend(how)
		f.retryUnran()
		f.follow()
	})
	row("end", "when the payload ends", func(f *fault) {
		f.submit()
		f.started(1)
		f.spoil(how)
		f.mark("go")
		f.drained()
		f.status()
		f.mend(how)
		f.follow()
	})
}

// retryUnran retries a job that is told to have failed before its payload, as a
// job has to whose run directory cannot be written to on its node.
func (f *fault) retryUnran() {
	f.lift()
	settled := func(c claim, ok bool) bool { return !ok || c.final() || !c.Submitted || len(f.starts()) > 0 }
	if c, _ := f.learn(settled); c.final() && c.State != "completed" && len(f.starts()) == 0 {
		f.run("retry", f.name)
	}
}

// endedOrRuns waits until the job is over, or its payload runs.
func (f *fault) endedOrRuns() {
	until(func() bool {
		state, err := f.c.state(f.mine())
		return err == nil && (job{state: state}.over() || len(f.starts()) > 0)
	})
}

// limits are other ways in which the machine says no, and locks.
func limits() []kind {
	step := func(name, does, calls, what string, within int) kind {
		return kind{name: name, does: does, holds: once, run: func(f *fault) {
			f.traced(calls, what, within)
			f.follow()
		}}
	}
	ulimit := func(name, does, flag string, from, to int) kind {
		return kind{name: name, does: does, holds: once, run: func(f *fault) {
			sh := fmt.Sprintf(`ulimit %s %d; exec "$@"`, flag, from+f.rng.IntN(to-from))
			f.command([]string{"/bin/sh", "-c", sh, "sh"}, "submit", "job.yaml").start().wait()
			f.follow()
		}}
	}
	return []kind{
		step("no-space-at-a-step", "a step of submit that makes something last finds no space", "mkdirat,linkat,renameat,symlinkat", "error=ENOSPC", 12),
		step("io-error-at-a-step", "a step of submit that makes something last has an input/output error", "fsync,linkat,renameat", "error=EIO", 16),
		step("no-permission-at-a-step", "a step of submit that makes something last is not allowed", "mkdirat,linkat,renameat,symlinkat,openat", "error=EACCES", 60),
		ulimit("file-size", "no file may be larger than some blocks", "-f", 1, 40),
		ulimit("few-files", "only a few files may be open", "-n", 5, 30),
		{name: "stale-lock", does: "locks were left by processes that are dead", holds: once, run: func(f *fault) {
			for _, name := range []string{f.name, ".roots"} {
				f.broken(os.MkdirAll(filepath.Join(f.dir, ".nixbatch", "locks"), 0o700))
				f.broken(os.WriteFile(filepath.Join(f.dir, ".nixbatch", "locks", name), []byte("4194303\n"), 0o400))
			}
			f.submit()
			f.follow()
		}},
		{name: "held-lock", does: "another process holds the name's lock, and gives it up later", holds: once, run: func(f *fault) {
			f.broken(os.MkdirAll(filepath.Join(f.dir, ".nixbatch", "locks"), 0o700))
			held, err := os.Create(filepath.Join(f.dir, ".nixbatch", "locks", f.name))
			if f.broken(err) {
				return
			}
			f.broken(syscall.Flock(int(held.Fd()), syscall.LOCK_EX))
			f.front("sinfo", take+`; mark at`)
			u := f.command(nil, "submit", "job.yaml").start()
			f.awaits("at")
			held.Close()
			u.wait()
			f.follow()
		}},
	}
}
