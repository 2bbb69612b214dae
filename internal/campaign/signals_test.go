package campaign

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
)

// phases are where a submission is when a signal comes: a program that it calls
// sends it, before or after its own work.
var phases = []struct{ name, does, program, body string }{
	{"planning", "while it plans", "sinfo", `%s; ` + take},
	{"building", "while it builds", "nix-instantiate", `%s; ` + take},
	{"before", "before the real sbatch", "sbatch", `%s; ` + take},
	{"after", "after the real sbatch, whose answer it does not get", "sbatch", taken + `; %s`},
	{"answered", "after the real sbatch, whose answer it has", "sbatch", take + `; %s`},
}

// signals are signals of nixbatch in every phase, of submit and of others.
func signals() []kind {
	var all []kind
	for _, sig := range []string{"INT", "TERM", "HUP", "KILL"} {
		for _, ph := range phases {
			all = append(all, kind{name: strings.ToLower(sig) + "-" + ph.name, does: "submit gets SIG" + sig + " " + ph.does, holds: once, share: 0.5,
				run: func(f *fault) {
					f.maybeHeld()
					if ph.program == "nix-instantiate" {
						f.job(work{pkg: "hello"})
					}
					f.front(ph.program, fmt.Sprintf(ph.body, "kill -"+sig+" $PPID"))
					f.submit()
					f.follow()
				}})
		}
		all = append(all, waiting(sig), asking(sig), cancelling(sig), retrying(sig))
	}
	return append(append(all, groups()...), moments()...)
}

// waiting is submit --wait that gets a signal when it asks for the state.
func waiting(sig string) kind {
	return kind{name: strings.ToLower(sig) + "-waiting", does: "submit --wait gets SIG" + sig + " while it waits", holds: once, share: 0.5, run: func(f *fault) {
		f.front("squeue", "kill -"+sig+" $PPID; "+take)
		f.submit("--wait")
		f.follow()
	}}
}

// asking is status that gets a signal when it asks Slurm.
func asking(sig string) kind {
	return kind{name: strings.ToLower(sig) + "-status", does: "status gets SIG" + sig + " while it settles a submission", holds: once, share: 0.5, run: func(f *fault) {
		f.job(work{hold: true}) // one that starts says itself whose it is, and nobody asks
		f.front("sbatch", taken+`; kill -KILL $PPID`)
		f.submit()
		f.front("squeue", "kill -"+sig+" $PPID; "+take)
		f.status()
		f.lift()
		f.release()
		f.follow()
	}}
}

// cancelling is cancel that gets a signal before or after scancel's work.
func cancelling(sig string) kind {
	return kind{name: strings.ToLower(sig) + "-cancel", does: "cancel gets SIG" + sig + " before or after scancel did its work", share: 0.5,
		holds: "the job is cancelled or goes on, and what is said is true", run: func(f *fault) {
			f.submit()
			f.started(1)
			body := "kill -" + sig + " $PPID; " + take
			if f.rng.IntN(2) == 0 {
				body = take + "; kill -" + sig + " $PPID"
			}
			f.front("scancel", body)
			f.least, f.cancelled = 0, true
			f.run("cancel", f.name)
			f.follow()
		}}
}

// retrying is retry that gets a signal before or after sbatch's work; what did
// not get through is retried.
func retrying(sig string) kind {
	return kind{name: strings.ToLower(sig) + "-retry", does: "retry gets SIG" + sig + " before or after sbatch did its work", holds: once, share: 0.5,
		run: func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			body := "kill -" + sig + " $PPID; " + take
			if f.rng.IntN(2) == 0 {
				body = taken + "; kill -" + sig + " $PPID"
			}
			f.front("sbatch", body)
			f.run("retry", f.name)
			f.lift()
			f.drained()
			c, _ := f.learn(func(c claim, ok bool) bool { return c.final() })
			if c.State != "completed" {
				f.run("retry", f.name)
			}
			f.finish()
		}}
}

// steps are the system calls that make something last.
const steps = "mkdirat,symlinkat,linkat,fsync,renameat,renameat2,unlinkat,fchmod"

// traced runs submit, or another command, under strace, which does something at a
// random step.
func (f *fault) traced(calls, what string, within int, args ...string) saying {
	if len(args) == 0 {
		args = []string{"submit", "job.yaml"}
	}
	n := 1 + f.rng.IntN(within)
	before := []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + calls, "-e", fmt.Sprintf("inject=%s:%s:when=%d", calls, what, n)}
	return f.command(before, args...).start().wait()
}

// atAnyMoment runs a command that gets a signal at a moment that nobody chose:
// timeout(1) counts from its own start.
func (f *fault) atAnyMoment(sig string, args ...string) saying {
	return f.command([]string{"timeout", "-s", sig, fmt.Sprintf("0.%03d", f.rng.IntN(400))}, args...).start().wait()
}

// moments are signals, and refusals of the system, at moments and steps of retry,
// cancel and status.
func moments() []kind {
	var all []kind
	again := func(f *fault) {
		f.drained()
		if c, _ := f.learn(func(c claim, ok bool) bool { return c.final() }); c.State != "completed" {
			f.run("retry", f.name)
		}
		f.finish()
	}
	row := func(name, does string, run func(f *fault)) {
		all = append(all, kind{name: name, does: does, holds: once, share: 0.5, run: run})
	}
	for _, sig := range []string{"INT", "TERM", "HUP"} {
		row(strings.ToLower(sig)+"-at-any-moment", "submit gets SIG"+sig+" at a moment that nobody chose", func(f *fault) {
			f.atAnyMoment(sig, "submit", "job.yaml")
			f.follow()
		})
	}
	for _, sig := range []string{"INT", "TERM", "HUP", "KILL"} {
		row(strings.ToLower(sig)+"-retry-at-any-moment", "retry gets SIG"+sig+" at a moment that nobody chose", func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			f.atAnyMoment(sig, "retry", f.name)
			again(f)
		})
	}
	for _, step := range []struct{ name, does, calls, what string }{
		{"killed", "is killed", steps, "signal=KILL"},
		{"no-space", "finds no space", "mkdirat,linkat,renameat", "error=ENOSPC"},
		{"no-permission", "is not allowed to go on", "mkdirat,linkat,renameat", "error=EACCES"},
	} {
		row(step.name+"-at-a-step-of-retry", "retry "+step.does+" at a step that makes something last", func(f *fault) {
			f.job(work{fails: true})
			f.failedOnce()
			f.traced(step.calls, step.what, 10, "retry", f.name)
			again(f)
		})
		row(step.name+"-at-a-step-of-status", "status "+step.does+" at a step that makes something last, while it settles a submission", func(f *fault) {
			f.front("sbatch", taken+`; kill -KILL $PPID`)
			f.submit()
			f.lift()
			f.traced(step.calls, step.what, 6, "status", f.name)
			f.follow()
		})
		row(step.name+"-at-a-step-of-cancel", "cancel "+step.does+" at a step that makes something last", func(f *fault) {
			f.submit()
			f.started(1)
			f.least, f.cancelled = 0, true
			f.traced(step.calls, step.what, 6, "cancel", f.name)
			f.follow()
		})
	}
	return all
}

// groups are signals to whole process groups, and at steps that no program
// marks.
func groups() []kind {
	typed := func(name, does, body string) kind {
		return kind{name: name, does: does, holds: once, run: func(f *fault) {
			f.front("sbatch", body)
			f.submit()
			f.follow()
		}}
	}
	return []kind{
		typed("ctrl-c-before", "Ctrl-C is typed before sbatch is at work", `kill -INT 0; `+take),
		typed("ctrl-c-after", "Ctrl-C is typed after sbatch has taken the job", taken+`; kill -INT 0; sleep 0.1`),
		typed("ctrl-c-ignored", "Ctrl-C is typed, and sbatch does not mind", `trap '' INT; kill -INT 0; `+take),
		typed("ctrl-backslash", "Ctrl-\\ is typed after sbatch has taken the job", taken+`; kill -QUIT 0`),
		typed("group-killed", "all is killed after sbatch has taken the job", taken+`; kill -KILL 0`),
		typed("hangup-goes-on", "the terminal is closed, and sbatch goes on", `trap '' HUP; kill -HUP 0; `+take),
		{name: "ctrl-c-hanging", does: "sbatch has taken the job and hangs; Ctrl-C is typed", holds: once, run: func(f *fault) {
			f.front("sbatch", taken+`; mark at; stand never`)
			u := f.command(nil, "submit", "job.yaml").start()
			f.awaits("at")
			f.broken(syscall.Kill(-u.cmd.Process.Pid, syscall.SIGINT))
			u.wait()
			f.follow()
		}},
		{name: "killed-goes-on", does: "nixbatch is killed, and its sbatch submits later", holds: once, run: func(f *fault) {
			f.front("sbatch", `keep; kill -KILL $PPID; stand given; again "$@"; mark sent`)
			f.submit()
			f.status()
			f.mark("given")
			f.awaits("sent")
			f.follow()
		}},
		{name: "killed-at-a-step", does: "submit is killed before a system call that makes something last", holds: once, share: 2, run: func(f *fault) {
			f.traced(steps, "signal=KILL", 24)
			f.follow()
		}},
		{name: "killed-at-any-moment", does: "submit is killed at a moment that nobody chose", holds: once, share: 2, run: func(f *fault) {
			f.atAnyMoment("KILL", "submit", "job.yaml")
			f.follow()
		}},
		{name: "agent-killed", does: "the agent is killed while the payload runs", holds: "the payload is not run again, and is not called completed", run: func(f *fault) {
			f.submit()
			f.started(1)
			f.hurt = true
			out, err := exec.Command("pgrep", "-f", "nixbatch agent "+f.dir+"/").Output()
			if !f.broken(err) {
				f.broken(exec.Command("kill", append([]string{"-KILL"}, strings.Fields(string(out))...)...).Run())
			}
			f.follow()
		}},
	}
}
