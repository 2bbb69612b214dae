package campaign

// queries are squeue's that do not tell what there is, when a submission is
// looked up, and when a job that runs is asked about, cancelled or retried.
func queries() []kind {
	var all []kind
	for _, bad := range []struct {
		name, does, body string
		share            float64
		slow             bool
	}{
		{"fails", "fails", `echo "slurm_load_jobs error: Unexpected message received" >&2; exit 1`, 0, false},
		{"empty", "answers that there is nothing", `exit 0`, 0, false},
		{"garbage", "prints what it should not", `head -c 300 /dev/urandom; echo; echo "1|2|3"; exit 0`, 0, false},
		{"cut", "prints half of its answer", `"$REAL" "$@" | head -c 60; exit 0`, 0, false},
		{"invalid", "says that there is no such job", `echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1`, 0, false},
		{"hangs", "does not end", `stand never`, 0.2, true},
	} {
		row := func(name, does string, run func(f *fault)) {
			all = append(all, kind{name: "squeue-" + bad.name + "-" + name, does: "squeue " + bad.does + " " + does, holds: once,
				share: max(bad.share, 0.2), slow: bad.slow, run: func(f *fault) {
					run(f)
					f.mark("never")
				}})
		}
		row("lookup", "when a submission is looked up that timed out", func(f *fault) {
			f.front("sbatch", taken+`; `+timedOut)
			f.front("squeue", bad.body)
			f.submit()
			f.follow()
		})
		row("status", "when a job that runs is asked about", func(f *fault) {
			f.submit()
			f.started(1)
			f.front("squeue", bad.body)
			f.status()
			f.status()
			f.follow()
		})
		row("cancel", "when a job that runs is cancelled", func(f *fault) {
			f.submit()
			f.started(1)
			f.front("squeue", bad.body)
			f.cancels()
		})
		row("retry", "when a job that runs is retried", func(f *fault) {
			f.submit()
			f.started(1)
			f.front("squeue", bad.body)
			f.run("retry", f.name)
			f.lift()
			f.follow()
		})
	}
	return all
}

// accounts are faults on a cluster whose controller forgets jobs soon, so that
// the accounting has to tell.
func accounts() []kind {
	row := func(name, does string, share float64, slow bool, run func(f *fault)) kind {
		return kind{name: name, does: does, holds: once, lane: ledger, share: share, slow: slow, run: run}
	}
	sacct := func(name, does, body string, slow bool) kind {
		share := 0.3
		if slow {
			share = 0.1
		}
		return row("sacct-"+name, "sacct "+does+" when the controller has forgotten a job", share, slow, func(f *fault) {
			f.submit()
			f.mark("go")
			f.forgotten()
			f.front("sacct", body)
			f.status()
			f.run("retry", f.name)
			f.mark("never")
			f.follow()
		})
	}
	return []kind{
		sacct("fails", "fails", `echo "sacct: error: slurm_persist_conn_open" >&2; exit 1`, false),
		sacct("empty", "answers that there is nothing", `exit 0`, false),
		sacct("garbage", "prints what it should not", `head -c 300 /dev/urandom; echo; echo "1|2|3"; exit 0`, false),
		sacct("hangs", "does not end", `stand never`, true),
		row("forgotten-lookup", "sbatch times out, and the controller has forgotten the job when it is looked for", 0.3, false, func(f *fault) {
			f.mark("go")
			f.front("sbatch", taken+`; mark at; stand on; `+timedOut)
			u := f.command(nil, "submit", "job.yaml").start()
			f.awaits("at")
			f.forgotten()
			f.mark("on")
			u.wait()
			f.follow()
		}),
		row("forgotten-killed", "nixbatch is killed after the submission, and the controller forgets the job", 0.3, false, func(f *fault) {
			f.mark("go")
			f.front("sbatch", taken+`; kill -KILL $PPID`)
			f.submit()
			f.forgotten()
			f.follow()
		}),
		row("slurmdbd-down", "slurmdbd is down when a job ends and is forgotten", 0.2, false, func(f *fault) {
			f.submit()
			f.started(1)
			f.broken(f.c.StopAccounting())
			f.mark("go")
			f.forgotten()
			f.status()
			f.run("retry", f.name)
			f.broken(f.c.StartAccounting(background()))
			f.follow()
		}),
	}
}

// forgotten waits until the controller has no job of the project any more.
func (f *fault) forgotten() {
	if !until(func() bool { return f.c.forgot(f.dir) }) {
		f.broken(errRemembers)
	}
}
