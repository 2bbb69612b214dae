package campaign

import (
	"fmt"
	"strings"
	"time"
)

// How long status may go on to say unknown while Slurm answers: what came of a
// submission that nobody answered is looked for again after some seconds, and
// an answer of Slurm's serves for a few.
const (
	settleTime  = 12 * time.Second
	settleLooks = 6
)

// status asks for the state of the newest run; ok says whether there is one.
func (f *fault) status() (c claim, ok bool) {
	all := f.run("status", "--json", f.name).claims()
	if len(all) == 0 {
		return claim{}, false
	}
	return all[0], true
}

// learn asks for the state until good is content, or, after some time, there is
// no point in asking on.
func (f *fault) learn(good func(claim, bool) bool) (c claim, ok bool) {
	began, pause := time.Now(), 200*time.Millisecond
	for n := 1; ; n++ {
		c, ok = f.status()
		if good(c, ok) || n >= settleLooks && time.Since(began) > settleTime {
			return c, ok
		}
		time.Sleep(pause)
		pause = min(pause*2, 3*time.Second)
	}
}

func known(c claim, ok bool) bool { return !ok || c.State != "unknown" || !c.Submitted }

// follow does what a user does after the fault, when all is well again: looks
// what became of the job, submits it again when told that nothing was submitted,
// lets it run, and looks at its end.
func (f *fault) follow() {
	f.lift()
	c, ok := f.learn(known)
	if !f.cancelled && (!ok || !c.Submitted) {
		f.submit()
	}
	f.finish()
}

// finish lets payloads end, waits until no job is left, and looks at the end.
func (f *fault) finish() {
	f.lift()
	f.mark("go")
	f.releaseAll()
	f.drained()
	f.learn(func(c claim, ok bool) bool { return ok && (c.final() || !c.Submitted) })
}

// sites are the clusters on which there may be jobs of the project.
func (f *fault) sites() []*site {
	if f.other != nil {
		return []*site{f.c, f.other}
	}
	return []*site{f.c}
}

// open calls do for every job of the project that waits or runs.
func (f *fault) open(do func(at *site, j job)) error {
	for _, at := range f.sites() {
		jobs, err := at.of(f.dir)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if !j.over() {
				do(at, j)
			}
		}
	}
	return nil
}

// drained waits until no job of the project waits or runs.
func (f *fault) drained() {
	var left []job
	ok := until(func() bool {
		left = left[:0]
		err := f.open(func(at *site, j job) {
			left = append(left, j)
			f.launchedTwice(at, j)
		})
		return err == nil && len(left) == 0
	})
	if ok {
		return
	}
	f.broken(fmt.Errorf("jobs that do not end: %v", left))
	f.broken(f.open(func(at *site, j job) {
		_, err := at.slurm(f.dir, "scancel", fmt.Sprint(j.id))
		f.broken(err)
	}))
}

// launchedTwice does what an admin does where the controller forgot that it had
// launched a job, and launched it again: Slurm then holds the job and drains its
// node.
func (f *fault) launchedTwice(at *site, j job) {
	if j.state != "PENDING" || j.why != "launch failed requeued held" {
		return
	}
	f.cancelled = true
	_, err := at.slurm(f.dir, "scancel", fmt.Sprint(j.id))
	f.broken(err)
	var drained string
	if !until(func() bool {
		drained, err = at.slurm(f.dir, "sinfo", "--noheader", "--states=drain", "--Node", "--format=%N")
		for _, node := range strings.Fields(drained) {
			// It is refused while the node is on its way; then it is asked again.
			_, _ = at.slurm(f.dir, "scontrol", "update", "nodename="+node, "state=resume")
		}
		return err == nil && strings.TrimSpace(drained) == ""
	}) {
		f.broken(fmt.Errorf("nodes stay drained: %s, %v", drained, err))
	}
}

// releaseAll lets go what waits, copies as well: what they do is to be seen.
func (f *fault) releaseAll() {
	f.broken(f.open(func(at *site, j job) {
		if j.state != "PENDING" {
			return
		}
		// One that begins or is cancelled at this moment needs none.
		_, _ = at.slurm(f.dir, "scontrol", "release", fmt.Sprint(j.id))
	}))
}

// mine is the id of the one job that the queue has of the project, not counting
// those submitted by hand; 0 where there is none, or more than one.
func (f *fault) mine() int64 {
	jobs, err := f.c.of(f.dir)
	if f.broken(err) {
		return 0
	}
	var id int64
	for _, j := range jobs {
		if f.hand[j.id] {
			continue
		}
		if id != 0 {
			return 0
		}
		id = j.id
	}
	return id
}

// slurm runs a command of Slurm's as the user does by hand.
func (f *fault) slurm(name string, args ...string) string {
	out, err := f.c.slurm(f.dir, name, args...)
	f.broken(err)
	return out
}

// control is scontrol on the run's own job.
func (f *fault) control(what string, args ...string) {
	id := f.mine()
	if id == 0 {
		f.broken(fmt.Errorf("scontrol %s: no job", what))
		return
	}
	all := []string{what}
	if what == "update" {
		all = append(all, fmt.Sprintf("JobId=%d", id))
	} else {
		args = append(args, fmt.Sprint(id))
	}
	f.slurm("scontrol", append(all, args...)...)
}

// state waits for a state of the run's own job in the real queue.
func (f *fault) reaches(state string) {
	id, word := f.mine(), ""
	if !until(func() bool {
		var err error
		word, err = f.c.state(id)
		return err == nil && word == state
	}) {
		f.broken(fmt.Errorf("job %d is %s, not %s", id, word, state))
	}
}

// stranger submits a job of somebody else's, held, from another directory.
func (f *fault) stranger(at *site) int64 {
	out, err := at.slurm(f.g.base, "sbatch", "--parsable", "--hold", "--mem=10M", "--job-name=stranger", "--output=/dev/null", "--wrap=true")
	if f.broken(err) {
		return 0
	}
	return f.watch(at, out)
}

func (f *fault) watch(at *site, text string) int64 {
	var id int64
	if _, err := fmt.Sscan(text, &id); f.broken(err) {
		return 0
	}
	f.bystanders = append(f.bystanders, bystander{at, id, "PENDING"})
	f.undo = append(f.undo, func() { _, _ = at.slurm(f.g.base, "scancel", fmt.Sprint(id)) })
	return id
}
