package campaign

import "fmt"

// down and up are the controller's; the fault cannot be judged when they fail.
func (f *fault) down() { f.broken(f.c.StopController(background())) }
func (f *fault) up()   { f.broken(f.c.StartController(background())) }

// at runs nixbatch until a program that it calls is where it marks at, does
// something, and lets it go on.
func (f *fault) at(program, body string, do func(), args ...string) {
	f.front(program, body)
	u := f.command(nil, args...).start()
	f.awaits("at")
	do()
	f.mark("on")
	u.wait()
}

const (
	atBefore = `keep; mark at; stand on; again "$@"`
	atAfter  = take + `; mark at; stand on`
	atQuery  = `mark at; stand on; ` + take
)

// daemons are kinds that hit slurmctld and slurmd.
func daemons() []kind {
	row := func(name, does string, run func(f *fault)) kind {
		return kind{name: name, does: does, holds: once, lane: serial, share: 0.35, run: run}
	}
	var all []kind
	for _, ph := range []struct{ name, does, program, body string }{
		{"planning", "while submit plans", "sinfo", atQuery},
		{"before", "before the real sbatch is at work", "sbatch", atBefore},
		{"after", "after the real sbatch, before its answer is read", "sbatch", atAfter},
	} {
		all = append(all,
			row("ctld-restart-"+ph.name, "slurmctld is restarted "+ph.does, func(f *fault) {
				f.at(ph.program, ph.body, func() { f.down(); f.up() }, "submit", "job.yaml")
				f.follow()
			}),
			row("ctld-down-"+ph.name, "slurmctld goes down "+ph.does+", and comes back later", func(f *fault) {
				f.at(ph.program, ph.body, f.down, "submit", "job.yaml")
				f.up()
				f.follow()
			}))
	}
	return append(append(all, absent(row)...), nodesKilled(row)...)
}

// absent are kinds where the controller is away while something is asked.
func absent(row func(name, does string, run func(f *fault)) kind) []kind {
	return []kind{
		row("ctld-down-throughout", "slurmctld is down as long as submit runs", func(f *fault) {
			f.down()
			f.submit()
			f.up()
			f.follow()
		}),
		row("ctld-down-lookup", "sbatch times out after it took the job, and slurmctld goes down before the job is looked for", func(f *fault) {
			f.at("sbatch", taken+`; mark at; stand on; `+timedOut, f.down, "submit", "job.yaml")
			f.up()
			f.follow()
		}),
		row("ctld-killed-after", "slurmctld is killed after it took the job, of which it may lose the memory", func(f *fault) {
			f.at("sbatch", atAfter, func() { f.broken(f.c.KillController()); f.up() }, "submit", "job.yaml")
			// Where it had launched the job and forgotten that, it does so again, and
			// requeues it when the node says that it is there.
			f.most, f.hurt = 2, true
			if jobs, err := f.c.of(f.dir); !f.broken(err) && len(jobs) == 0 {
				f.least, f.slurmLost = 0, true // Slurm has lost it
			}
			f.follow()
		}),
		row("ctld-down-while-running", "slurmctld is down when the payload ends", func(f *fault) {
			f.submit()
			f.started(1)
			f.down()
			f.mark("go")
			until(func() bool { return len(f.lines()) == 2 })
			f.status()
			f.up()
			f.follow()
		}),
		row("ctld-down-status", "slurmctld is down when a job that waits is asked about", func(f *fault) {
			f.job(work{hold: true})
			f.submit()
			f.down()
			f.status()
			f.up()
			f.control("release")
			f.follow()
		}),
		row("ctld-down-cancel", "slurmctld is down when a job is cancelled", func(f *fault) {
			f.submit()
			f.started(1)
			f.down()
			s := f.run("cancel", f.name)
			f.up()
			if t := s.told(); t.end || t.over {
				f.cancelled, f.least = true, 0
			}
			f.follow()
		}),
		row("ctld-down-retry", "slurmctld is down when a job that failed is retried", func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			f.down()
			f.run("retry", f.name)
			f.up()
			f.drained()
			if c, _ := f.learn(func(c claim, ok bool) bool { return c.final() }); c.State != "completed" {
				f.run("retry", f.name)
			}
			f.finish()
		}),
		row("ctld-down-retry-running", "slurmctld is down when a job that runs is retried", func(f *fault) {
			f.submit()
			f.started(1)
			f.down()
			f.run("retry", f.name)
			f.up()
			f.follow()
		}),
		row("ctld-down-waiting", "slurmctld is down when the job that submit --wait follows ends", func(f *fault) {
			u := f.command(nil, "submit", "--wait", "job.yaml").start()
			f.started(1)
			f.down()
			f.mark("go")
			until(func() bool { return len(f.lines()) == 2 })
			f.status()
			f.up()
			u.wait()
			f.follow()
		}),
		row("ctld-restart-waiting", "slurmctld is restarted while submit --wait waits", func(f *fault) {
			u := f.command(nil, "submit", "--wait", "job.yaml").start()
			f.started(1)
			f.down()
			f.up()
			f.mark("go")
			u.wait()
			f.follow()
		}),
	}
}

// nodesKilled are kinds where a node's slurmd, or the whole node, dies.
func nodesKilled(row func(name, does string, run func(f *fault)) kind) []kind {
	each := func(f *fault, meanwhile func()) {
		for _, n := range f.c.NodeNames() {
			f.broken(f.c.RestartSlurmd(n, meanwhile))
		}
	}
	return []kind{
		row("slurmd-killed-running", "slurmd is killed and started again while the payload runs", func(f *fault) {
			f.submit()
			f.started(1)
			each(f, func() {})
			f.status()
			f.follow()
		}),
		row("slurmd-killed-end", "the payload ends while slurmd is dead", func(f *fault) {
			f.submit()
			f.started(1)
			each(f, func() { f.mark("go") })
			f.follow()
		}),
		row("slurmd-killed-before", "slurmd is killed and started again while sbatch is at work", func(f *fault) {
			f.at("sbatch", atBefore, func() { each(f, func() {}) }, "submit", "job.yaml")
			f.follow()
		}),
		row("node-killed-running", "a node dies with all that runs on it, and the job is requeued", func(f *fault) {
			f.submit()
			f.started(1)
			f.most, f.hurt = 2, true // Slurm requeues it
			node := f.slurm("squeue", "--noheader", "--format=%N", fmt.Sprintf("--jobs=%d", f.mine()))
			f.broken(f.c.KillNode(background(), node))
			f.status()
			f.broken(f.c.StartNode(background(), node))
			f.soon()
			f.follow()
		}),
	}
}
