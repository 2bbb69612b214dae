package campaign

import (
	"fmt"
	"os/exec"
	"strings"
)

// changed is a kind where a person or an admin acts on a job that waits.
func changed(name, does string, act func(f *fault)) kind {
	return kind{name: name, does: does, holds: once, run: func(f *fault) {
		f.job(work{hold: true})
		f.submit()
		act(f)
		f.status()
		f.release()
		f.started(1)
		f.status()
		f.follow()
	}}
}

// release lets the run's own job go, if it still waits.
func (f *fault) release() {
	id := f.mine()
	if id == 0 {
		return
	}
	state, err := f.c.state(id)
	if !f.broken(err) && state == "PENDING" {
		f.slurm("scontrol", "release", fmt.Sprint(id))
	}
}

// hands are changes by scontrol, and requeues.
func hands() []kind {
	update := func(words ...string) func(f *fault) {
		return func(f *fault) { f.control("update", words...) }
	}
	all := []kind{
		changed("update-comment", "scontrol gives a job that waits another comment", update("Comment=seen")),
		changed("update-name", "scontrol gives a job that waits another name", update("JobName=other")),
		changed("update-partition", "scontrol moves a job that waits to another partition", update("Partition=short")),
		changed("update-time-limit", "scontrol changes the time limit of a job that waits", update("TimeLimit=4")),
		changed("update-all", "scontrol changes comment, name and partition", update("Comment=seen", "JobName=other", "Partition=short")),
		changed("hold-and-release", "a job is held, released and held again", func(f *fault) {
			f.control("release")
			f.control("hold")
		}),
	}
	running := func(name, does string, most int, act func(f *fault)) kind {
		return kind{name: name, does: does, holds: once, run: func(f *fault) {
			f.least, f.most = most, most
			f.submit()
			f.started(1)
			act(f)
			f.status()
			f.started(most)
			f.follow()
		}}
	}
	all = append(all,
		running("update-comment-running", "scontrol gives a running job another comment", 1, update("Comment=seen")),
		running("update-name-running", "scontrol gives a running job another name", 1, update("JobName=other")),
		running("suspend", "a running job is suspended and resumed", 1, func(f *fault) {
			f.control("suspend")
			f.status()
			f.control("resume")
		}),
		running("requeue", "a running job is requeued", 2, func(f *fault) {
			f.control("requeue")
			f.soon()
		}),
		running("requeue-hold", "a running job is requeued and held, and released", 2, func(f *fault) {
			f.control("requeuehold")
			f.reaches("PENDING")
			f.status()
			f.control("release")
			f.soon()
		}),
	)
	for _, what := range []string{"Comment=seen", "JobName=other"} {
		word, _, _ := strings.Cut(strings.ToLower(what), "=")
		all = append(all, kind{name: "cancel-after-" + word, does: "the user cancels a job whose " + word + " was changed",
			holds: "the job is cancelled, or it is said that it was not", run: func(f *fault) {
				f.job(work{hold: true})
				f.submit()
				f.control("update", what)
				f.cancels()
			}})
	}
	all = append(all, kind{name: "retry-after-comment", does: "retry while a job runs whose comment was changed", holds: once, run: func(f *fault) {
		f.submit()
		f.started(1)
		f.control("update", "Comment=seen")
		f.run("retry", f.name)
		f.follow()
	}})
	return all
}

// cancels cancels the run; what was said of that has to be true.
func (f *fault) cancels() {
	s := f.run("cancel", f.name)
	f.least = 0
	if t := s.told(); t.end || t.over {
		f.cancelled = true
	} else {
		f.least = 1
	}
	f.release()
	f.finish()
}

// soon spares a requeued job the wait of two minutes.
func (f *fault) soon() {
	id := fmt.Sprint(f.mine())
	until(func() bool {
		state, err := f.c.state(f.mine())
		if err != nil || state != "PENDING" {
			return err == nil && state == "RUNNING" && len(f.starts()) > 1
		}
		_, err = f.c.slurm(f.dir, "scontrol", "update", "JobId="+id, "StartTime=now")
		return err == nil
	})
}

func (f *fault) starts() (out []line) {
	for _, l := range f.lines() {
		if l.what == "start" {
			out = append(out, l)
		}
	}
	return out
}

// script is the batch.sh of the newest run; "" where there is none.
func (f *fault) script() string {
	out, err := exec.Command("/bin/sh", "-c", "ls -t "+f.dir+"/.nixbatch/runs/*/batch.sh").Output()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return first
}

// byHand submits batch.sh with the real sbatch, and waits for that job's end if
// it is to stop by itself.
func (f *fault) byHand(wait bool, more ...string) {
	out := f.slurm("sbatch", append(append([]string{"--parsable"}, more...), f.script())...)
	var id int64
	if _, err := fmt.Sscan(out, &id); f.broken(err) {
		return
	}
	f.hand[id] = true
	if f.work.hold { // the script says so
		f.slurm("scontrol", "release", out)
	}
	if !wait {
		return
	}
	// Either it stops, or it runs a payload: then that has to be the only one.
	until(func() bool {
		state, err := f.c.state(id)
		for _, l := range f.starts() {
			if l.job == id {
				return true
			}
		}
		return err == nil && job{state: state}.over()
	})
}

// outside runs batch.sh without Slurm, to its end or until its payload starts.
func (f *fault) outside() {
	before := len(f.starts())
	cmd := exec.Command("/bin/sh", f.script())
	cmd.Dir, cmd.Env = f.dir, f.environ()
	if f.broken(cmd.Start()) {
		return
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it may refuse
		close(ended)
	}()
	until(func() bool {
		select {
		case <-ended:
			return true
		default:
			return len(f.starts()) > before
		}
	})
	f.undo = append(f.undo, func() {
		f.mark("go")
		<-ended
	})
}

// copies are second copies of a job: by hand, outside Slurm, beside a retry.
func copies() []kind {
	act := func(name, does string, w work, run func(f *fault)) kind {
		return kind{name: name, does: does, holds: once + "; a copy stops, and takes nothing from the right job", run: func(f *fault) {
			f.job(w)
			run(f)
		}}
	}
	var all []kind
	for _, how := range []struct {
		name, does string
		copy       func(f *fault)
	}{
		{"hand", "somebody submits batch.sh by hand", func(f *fault) { f.byHand(true) }},
		{"outside", "somebody runs batch.sh outside Slurm", func(f *fault) { f.outside() }},
	} {
		all = append(all,
			act(how.name+"-while-pending", how.does+" while the job waits", work{hold: true}, func(f *fault) {
				f.submit()
				how.copy(f)
				f.status()
				f.release()
				f.follow()
			}),
			act(how.name+"-while-running", how.does+" while the job runs", work{}, func(f *fault) {
				f.submit()
				f.started(1)
				how.copy(f)
				f.follow()
			}),
			act(how.name+"-after", how.does+" after the job's end", work{}, func(f *fault) {
				f.submit()
				f.mark("go")
				f.drained()
				f.learn(func(c claim, ok bool) bool { return c.final() })
				how.copy(f)
				f.finish()
			}),
			act(how.name+"-beside-retry", how.does+" while a retry waits", work{fails: true, slurm: ""}, func(f *fault) {
				f.failedOnce()
				f.front("sbatch", take+" --hold")
				f.run("retry", f.name)
				f.lift()
				how.copy(f)
				f.releaseAll()
				f.finish()
			}),
		)
	}
	return append(all,
		act("hand-after-given-up", "somebody submits batch.sh by hand of a submission that was given up", work{}, func(f *fault) {
			f.front("sbatch", timedOut)
			f.submit()
			f.lift()
			if f.script() != "" {
				f.byHand(false)
			}
			f.follow()
		}),
		act("two-at-once", "two submit the same job at the same moment", work{}, func(f *fault) {
			f.two("submit", "job.yaml")
			f.follow()
		}),
		act("two-at-once-timed-out", "two submit the same job at the same moment, and sbatch times out", work{}, func(f *fault) {
			f.front("sbatch", taken+`; `+timedOut)
			f.two("submit", "job.yaml")
			f.follow()
		}),
		act("two-retries", "two retry a job at the same moment", work{fails: true}, func(f *fault) {
			f.failedOnce()
			f.two("retry", f.name)
			f.finish()
		}),
		act("sweep-number-after", "sbatch prints a number behind the id of a sweep", work{tasks: 3}, func(f *fault) {
			f.front("sbatch", take+`; echo 42`)
			f.submit()
			f.follow()
		}),
		act("sweep-timed-out", "sbatch takes a sweep, and times out", work{tasks: 3}, func(f *fault) {
			f.front("sbatch", taken+`; `+timedOut)
			f.submit()
			f.follow()
		}),
		act("sweep-twice", "sbatch submits a sweep two times", work{tasks: 3}, func(f *fault) {
			f.front("sbatch", `keep; again "$@" >/dev/null; again "$@"`)
			f.submit()
			f.follow()
		}),
	)
}

// two runs the same command two times at the same moment.
func (f *fault) two(args ...string) {
	a, b := f.command(nil, args...), f.command(nil, args...)
	a.start()
	b.start()
	a.wait()
	b.wait()
}

// failedOnce submits a job that fails, and mends it for the next time. Its
// second payload is asked for.
func (f *fault) failedOnce() {
	f.submit()
	f.mark("go")
	f.drained()
	f.learn(func(c claim, ok bool) bool { return c.final() })
	f.mark("fixed")
	f.least, f.most = 2, 2
}
