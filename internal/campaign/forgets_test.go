package campaign

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// forgets are faults on a cluster that keeps no accounting, and whose controller
// forgets a job two seconds after its end: what the run's files have is all that
// there is.
func forgets() []kind {
	row := func(name, does string, run func(f *fault)) kind {
		return kind{name: "forgets-" + name, does: does + ", there is no accounting, and the controller forgets the job", holds: once, lane: forgetful, share: 0.3, run: run}
	}
	return append([]kind{
		row("completed", "a job completes before anybody asks", func(f *fault) {
			f.submit()
			f.mark("go")
			f.forgotten()
			f.status()
			f.run("retry", f.name)
			f.run("cancel", f.name)
			f.follow()
		}),
		row("waiting", "a job ends while submit --wait stands still", func(f *fault) {
			u := f.command(nil, "submit", "--wait", "job.yaml").start()
			f.started(1)
			f.broken(syscall.Kill(-u.cmd.Process.Pid, syscall.SIGSTOP))
			f.look()
			f.mark("go")
			f.forgotten()
			f.broken(syscall.Kill(-u.cmd.Process.Pid, syscall.SIGCONT))
			u.wait()
			f.follow()
		}),
		row("failed", "a job fails, and is retried", func(f *fault) {
			f.job(work{fails: true})
			f.submit()
			f.mark("go")
			f.forgotten()
			f.status()
			f.mark("fixed")
			f.least, f.most = 2, 2
			f.run("retry", f.name)
			f.finish()
		}),
		row("retry", "the retry of a job that failed completes", func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			f.run("retry", f.name)
			f.drained()
			f.forgotten()
			f.follow()
		}),
		row("lookup", "sbatch times out, and the job has ended when it is looked for", func(f *fault) {
			f.front("sbatch", taken+`; mark at; stand on; `+timedOut)
			u := f.command(nil, "submit", "job.yaml").start()
			f.awaits("at")
			f.started(1)
			f.look()
			f.mark("go")
			f.forgotten()
			f.mark("on")
			u.wait()
			f.follow()
		}),
		row("killed", "nixbatch is killed after the submission", func(f *fault) {
			f.front("sbatch", taken+`; kill -KILL $PPID`)
			f.submit()
			f.started(1)
			f.mark("go")
			f.forgotten()
			f.follow()
		}),
		row("tasks", "two tasks of a sweep cannot write anything where they start, while the third is held", func(f *fault) {
			f.disk()
			f.job(work{hold: true, tasks: 3})
			f.submit()
			f.spoil(lock)
			array := fmt.Sprint(f.mine())
			f.slurm("scontrol", "release", array+"_0")
			f.slurm("scontrol", "release", array+"_1")
			f.gone(array, 2)
			f.mend(lock)
			f.status()
			f.run("retry", f.name)
			f.slurm("scontrol", "release", array+"_2")
			f.mark("go")
			f.drained()
			f.status()
			f.run("retry", "--unknown", f.name)
			f.finish()
		}),
		row("twice", "sbatch submits two times", func(f *fault) {
			f.front("sbatch", `keep; again "$@" >/dev/null; again "$@"`)
			f.submit()
			f.mark("go")
			f.forgotten()
			f.follow()
		}),
		row("other-id", "sbatch prints the id of somebody else's job, and Slurm cannot be asked", func(f *fault) {
			other := f.stranger(f.c)
			f.front("sbatch", fmt.Sprintf("%s; echo %d", taken, other))
			f.front("squeue", `exit 1`)
			f.submit()
			f.lift()
			f.mark("go")
			f.forgotten()
			f.follow()
		}),
	}, forgotCancelled(row)...)
}

// forgotCancelled are those of jobs that were cancelled.
func forgotCancelled(row func(name, does string, run func(f *fault)) kind) []kind {
	byHand := func(f *fault) {
		f.slurm("scancel", fmt.Sprint(f.mine()))
		f.cancelled, f.least = true, 0
	}
	after := func(f *fault) {
		f.forgotten()
		f.status()
		f.run("cancel", f.name)
		f.run("retry", f.name)
		f.finish()
	}
	return []kind{
		row("cancelled", "a job that waits is cancelled", func(f *fault) {
			f.job(work{hold: true})
			f.submit()
			f.cancelled, f.least = true, 0
			f.run("cancel", f.name)
			f.forgotten()
			f.status()
			f.finish()
		}),
		row("cancelled-running", "a job that runs is cancelled", func(f *fault) {
			f.submit()
			f.started(1)
			f.cancelled = true
			f.run("cancel", f.name)
			f.forgotten()
			f.status()
			f.finish()
		}),
		row("scancel", "a job that waits is cancelled by hand", func(f *fault) {
			f.job(work{hold: true})
			f.submit()
			byHand(f)
			after(f)
		}),
		row("scancel-running", "a job that runs is cancelled by hand", func(f *fault) {
			f.submit()
			f.started(1)
			f.most = 2 // a retry is right
			byHand(f)
			after(f)
		}),
		row("scancel-retry", "the retry of a job that failed is cancelled by hand", func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			f.front("sbatch", take+" --hold")
			f.run("retry", f.name)
			f.lift()
			f.scancelAll()
			f.cancelled, f.hurt, f.least = true, true, 1 // nothing tells what became of it
			after(f)
		}),
	}
}

// gone waits until the controller knows no more than one task of an array.
func (f *fault) gone(array string, tasks int) {
	if !until(func() bool {
		out, err := f.c.slurm(f.dir, "squeue", "--noheader", "--array", "--states=all", "--format=%i", "--jobs="+array)
		return err == nil && len(strings.Fields(out)) == 3-tasks
	}) {
		f.broken(errRemembers)
	}
}

// scancelAll cancels by hand what there is.
func (f *fault) scancelAll() {
	f.broken(f.open(func(at *site, j job) {
		_, err := at.slurm(f.dir, "scancel", fmt.Sprint(j.id))
		f.broken(err)
	}))
}

// retried are faults while the retry of a job that failed waits: what the first
// attempt left is not its state.
func retried() []kind {
	row := func(name, does, program, body string) kind {
		return kind{name: "retried-" + name, does: does + " while a retry waits, when it is asked about, cancelled, retried and submitted", holds: once, run: func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			f.front("sbatch", take+" --hold")
			f.run("retry", f.name)
			f.lift()
			f.front(program, body)
			f.status()
			s := f.run("cancel", f.name)
			f.run("retry", f.name)
			f.submit()
			f.lift()
			if t := s.told(); t.end {
				f.cancelled, f.least = true, 1
			}
			f.finish()
		}}
	}
	return []kind{
		row("squeue-fails", "squeue fails", "squeue", `echo "slurm_load_jobs error: Unexpected message received" >&2; exit 1`),
		row("squeue-garbage", "squeue prints what it should not", "squeue", `head -c 300 /dev/urandom; echo; exit 0`),
		{name: "retried-unsettled", does: "sbatch takes a retry and times out, and squeue fails until it was asked about, cancelled, retried and submitted", holds: once, run: func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			f.front("sbatch", taken+` --hold; `+timedOut)
			f.front("squeue", `exit 1`)
			f.run("retry", f.name)
			f.status()
			f.run("cancel", f.name)
			f.run("retry", f.name)
			f.submit()
			f.lift()
			f.finish()
		}},
		{name: "retried-ctld-down", does: "slurmctld is down while a retry waits, when it is asked about, cancelled, retried and submitted", holds: once, lane: serial, share: 0.35, run: func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			f.front("sbatch", take+" --hold")
			f.run("retry", f.name)
			f.lift()
			f.down()
			f.status()
			f.run("cancel", f.name)
			f.run("retry", f.name)
			f.submit()
			f.up()
			f.finish()
		}},
	}
}

// relaunched are kinds where a controller has forgotten that it launched a job.
// Its state of before is put back under it, as a file system may that lost the
// last minutes.
func relaunched() []kind {
	row := func(name, does string, late bool) kind {
		return kind{name: "ctld-forgot-launch-" + name, does: "slurmctld forgets that it launched a job, and launches it again " + does, holds: once, lane: serial, share: 0.35, run: func(f *fault) {
			f.job(work{hold: true})
			f.submit()
			f.down()
			saved := f.path("saved")
			f.broken(exec.Command("cp", "-a", filepath.Join(f.c.Dir, "state"), saved).Run())
			f.up()
			f.control("release")
			f.started(1)
			f.broken(f.c.KillController())
			f.shell("rm -rf " + f.c.Dir + "/state && cp -a " + saved + " " + f.c.Dir + "/state")
			if late {
				f.mark("go")
				until(func() bool { return len(f.lines()) == 2 })
			} else {
				f.hurt = true // it may kill what it takes for somebody else's
			}
			f.up()
			f.control("release")
			f.finish()
			if late {
				f.cancelled = false // by launchedTwice, perhaps: that undoes no end
			}
		}}
	}
	return []kind{
		row("running", "while it runs", false),
		row("ended", "when it has ended", true),
	}
}

// blindNodes are kinds where a job that finds another's number in its place cannot
// ask whose that is, until it has stopped.
func blindNodes() []kind {
	row := func(name, does, body string) kind {
		return kind{name: "node-squeue-" + name, does: "sbatch prints the id of somebody else's job, and squeue " + does + " where nixbatch was called and on the node", holds: once, slow: true, share: 0.2, run: func(f *fault) {
			other := f.stranger(f.c)
			f.front("sbatch", fmt.Sprintf("%s; echo %d", taken, other))
			f.front("squeue", body)
			f.submit()
			f.endedOrRuns()
			f.retryUnran()
			f.follow()
		}}
	}
	return []kind{
		row("refused", "is refused", `echo "slurm_load_jobs error: Access/permission denied" >&2; exit 1`),
		row("missing", "is missing", `exec /nonexistent/squeue`),
		row("garbage", "prints what it should not", `head -c 300 /dev/urandom; exit 0`),
		row("hangs", "does not end", `exec sleep 60`),
	}
}
