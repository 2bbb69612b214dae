package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// judged is what was found, and all that was seen.
func (f *fault) judged() (verdict, string) {
	jobs, err := f.c.of(f.dir)
	f.broken(err)
	lines := f.lines()
	e := evidence{said: f.said, jobs: jobs, lines: lines, hand: f.hand, least: f.least, most: f.most,
		tasks: max(1, f.work.tasks), cancelled: f.cancelled, hurt: f.hurt, slurmLost: f.slurmLost}
	v := e.judge()
	for _, b := range f.bystanders {
		state, err := b.at.state(b.id)
		if !f.broken(err) && state != b.state {
			v.foreign = append(v.foreign, fmt.Sprintf("job %d of somebody else's is %s, it was %s", b.id, state, b.state))
		}
	}
	for _, at := range f.sites() {
		hurt, err := at.hurt()
		f.broken(err)
		v.foreign = append(v.foreign, hurt...)
	}
	v.unjudged = append(v.unjudged, f.wrong.unjudged...)
	v.untrue = distinct(v.untrue)
	var b strings.Builder
	for _, part := range []struct {
		word string
		all  []string
	}{{"lost", v.lost}, {"doubled", v.doubled}, {"foreign", v.foreign}, {"untrue", v.untrue}, {"unjudged", v.unjudged}} {
		for _, text := range part.all {
			fmt.Fprintf(&b, "%s: %s\n", part.word, text)
		}
	}
	fmt.Fprintf(&b, "the queue had %v; payloads wrote %v\n", jobs, lines)
	last := ""
	for _, s := range f.said {
		if text := s.String(); text != last { // status says the same again and again
			fmt.Fprintf(&b, "%s\n", text)
			last = text
		}
	}
	b.WriteString(f.logs())
	return v, b.String()
}

// logs is what the jobs' logs end with.
func (f *fault) logs() string {
	files, err := filepath.Glob(filepath.Join(f.dir, ".nixbatch", "runs", "*", "logs", "*.log"))
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			data = []byte(err.Error())
		}
		fmt.Fprintf(&b, "%s ends with\n%s\n", strings.TrimPrefix(file, f.dir+"/"), data[max(0, len(data)-2000):])
	}
	return b.String()
}

// distinct leaves a sentence out that was said before.
func distinct(all []string) (out []string) {
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// evidence is all that the judges look at.
type evidence struct {
	said            []saying
	jobs            []job // of the project, at the end
	lines           []line
	hand            map[int64]bool
	least, most     int
	tasks           int
	cancelled, hurt bool
	slurmLost       bool // Slurm has lost a job that it took
}

func (e evidence) judge() (v verdict) {
	e.counts(&v)
	for i, s := range e.said {
		if s.elsewhere {
			e.otherShell(s, &v)
			continue
		}
		e.submission(s, &v)
		e.claims(s, &v)
		if len(s.args) > 0 && s.args[0] == "cancel" {
			e.cancelling(i, &v)
		}
	}
	e.end(&v)
	return v
}

// counts compares how often payloads ran with how often they were to.
func (e evidence) counts(v *verdict) {
	n := map[string]int{}
	for _, l := range e.lines {
		if l.what == "start" {
			n[l.task]++
		}
	}
	for task, got := range n {
		if got > e.most {
			v.doubled = append(v.doubled, fmt.Sprintf("the payload of task %s ran %d times, %d was asked for", task, got, e.most))
		}
		if got < e.least {
			v.lost = append(v.lost, fmt.Sprintf("the payload of task %s ran %d times, %d was asked for", task, got, e.least))
		}
	}
	if e.least > 0 && len(n) < e.tasks {
		v.lost = append(v.lost, fmt.Sprintf("the payload of %d tasks of %d never ran", e.tasks-len(n), e.tasks))
	}
}

func (e evidence) has(id int64) bool {
	for _, j := range e.jobs {
		if j.id == id && !e.hand[id] {
			return true
		}
	}
	return false
}

// submission judges what was said of a submission: the id, or that there is
// none.
func (e evidence) submission(s saying, v *verdict) {
	t := s.told()
	cmd := s.args[0]
	if cmd != "submit" && cmd != "retry" {
		return
	}
	switch {
	case t.job != 0 && !e.has(t.job) && !e.slurmLost && !e.ranIn(t.run, t.job):
		v.untrue = append(v.untrue, fmt.Sprintf("%s said job %d, which is not its job", cmd, t.job))
	case t.none:
		for _, j := range s.jobs {
			if !s.before[j.id] && !e.hand[j.id] {
				v.untrue = append(v.untrue, fmt.Sprintf("%s said that nothing was submitted, and the queue had %v", cmd, j))
			}
		}
	case s.code == 0 && t.job == 0 && t.says == 0:
		v.untrue = append(v.untrue, cmd+" exited with 0 and named no job")
	}
}

// ranIn says whether a run's payload wrote that it runs in this job.
func (e evidence) ranIn(run string, id int64) bool {
	for _, l := range e.lines {
		if l.run == run && l.job == id {
			return true
		}
	}
	return false
}

// claims judges what status said of the newest run.
func (e evidence) claims(s saying, v *verdict) {
	all := s.claims()
	if len(all) == 0 || s.blind {
		return
	}
	c := all[0]
	bad := func(format string, args ...any) {
		v.untrue = append(v.untrue, fmt.Sprintf("status said %s, job %d: ", c.State, c.JobID)+fmt.Sprintf(format, args...))
	}
	started, ended := false, false
	for _, l := range s.lines {
		if l.run == c.RunID {
			started = started || l.what == "start"
			ended = ended || l.what == "end"
		}
	}
	var alive, there *job
	for _, j := range s.jobs {
		if e.hand[j.id] || !e.belongs(j, c.RunID) {
			continue
		}
		there = &j
		if !j.over() {
			alive = &j
		}
	}
	switch {
	case c.JobID != 0 && !e.has(c.JobID) && !e.slurmLost && !e.ranIn(c.RunID, c.JobID):
		bad("that is not its job")
	case !c.Submitted && started:
		bad("not submitted, and its payload had started")
	case !c.Submitted && alive != nil && !e.stopped(alive.id):
		bad("not submitted, and the queue has %v", *alive)
	case c.State == "completed" && !ended:
		bad("its payload had not ended")
	case c.State == "cancelled" && !e.cancelled && !e.hurt:
		bad("nobody cancelled it")
	case c.final() && alive != nil:
		bad("the queue has %v", *alive)
	case (c.State == "pending" || c.State == "running") && there == nil && !e.slurmLost:
		bad("the queue never had it")
	case alive != nil && c.JobID != 0 && c.JobID != alive.id && e.over(s, c.JobID):
		bad("that is over, and the queue has %v", *alive)
	}
}

// stopped says whether a job ended by itself without running its payload: it came
// when its submission was given up, and is not the run's.
func (e evidence) stopped(id int64) bool {
	for _, l := range e.lines {
		if l.job == id {
			return false
		}
	}
	for _, j := range e.jobs {
		if j.id == id {
			return j.state == "FAILED"
		}
	}
	return false
}

// over says whether the queue had a job as over.
func (e evidence) over(s saying, id int64) bool {
	for _, j := range s.jobs {
		if j.id == id {
			return j.over()
		}
	}
	return false
}

// belongs says whether a job is of the newest run: by its token, by what its
// payload wrote, or since there is no other run.
func (e evidence) belongs(j job, run string) bool {
	if strings.Contains(j.text, run) {
		return true
	}
	for _, l := range e.lines {
		if l.job == j.id {
			return l.run == run
		}
	}
	runs := map[string]bool{}
	for _, s := range e.said {
		for _, c := range s.claims() {
			runs[c.RunID] = true
		}
		if t := s.told(); t.run != "" {
			runs[t.run] = true
		}
	}
	return len(runs) == 1 && !strings.Contains(j.text, "nixbatch:")
}

// cancelling judges what cancel said.
func (e evidence) cancelling(i int, v *verdict) {
	s := e.said[i]
	t := s.told()
	was := map[int64]bool{}
	for _, j := range s.jobs {
		if !j.over() && !e.hand[j.id] {
			was[j.id] = true
		}
	}
	if t.over && len(was) > 0 {
		v.untrue = append(v.untrue, fmt.Sprintf("cancel said that it is over, and the queue had %v", s.jobs))
	}
	if !t.end {
		return
	}
	ended := len(s.lines)
	for _, l := range e.lines[min(ended, len(e.lines)):] {
		if l.what == "end" && was[l.job] {
			v.untrue = append(v.untrue, fmt.Sprintf("cancel said that it is told to end, and job %d went on to its end", l.job))
		}
	}
}

// otherShell judges commands in a shell that speaks to another cluster: they
// cannot know the job's state, and may only say so.
func (e evidence) otherShell(s saying, v *verdict) {
	t := s.told()
	for _, c := range s.claims() {
		ended := false
		for _, l := range s.lines {
			ended = ended || l.run == c.RunID && l.what == "end"
		}
		if !c.Submitted || c.final() && !ended {
			v.untrue = append(v.untrue, fmt.Sprintf("status in a shell of another cluster said %s (%s), submitted %v", c.State, c.Reason, c.Submitted))
		}
	}
	if t.end || t.over {
		v.untrue = append(v.untrue, "cancel in a shell of another cluster said: "+strings.TrimSpace(s.out))
	}
	if t.job != 0 && s.args[0] == "retry" {
		v.untrue = append(v.untrue, fmt.Sprintf("retry in a shell of another cluster said job %d", t.job))
	}
}

// end judges the last word: a payload that came to its end is completed, as the
// job that ran it; what is over is not left unknown.
func (e evidence) end(v *verdict) {
	var last *claim
	for _, s := range e.said {
		if all := s.claims(); len(all) > 0 && !s.elsewhere {
			last = &all[0]
		}
	}
	if last == nil {
		if len(e.lines) > 0 {
			v.untrue = append(v.untrue, "status knows no run, and a payload ran")
		}
		return
	}
	ends, ran := map[string]bool{}, int64(-1)
	for _, l := range e.lines {
		if l.run == last.RunID {
			ran = l.job
			if l.what == "end" {
				ends[l.task] = true
			}
		}
	}
	wrongID := ran > 0 && last.JobID != 0 && last.JobID != ran && e.tasks == 1
	switch {
	case len(ends) >= e.tasks && last.State != "completed" && !e.cancelled && !e.hurt:
		v.untrue = append(v.untrue, fmt.Sprintf("its payload came to its end, and the last word is %s (%s)", last.State, last.Reason))
	case last.State == "unknown" && last.Submitted && ran >= 0 && !e.hurt:
		v.untrue = append(v.untrue, fmt.Sprintf("it ran in job %d, all is over, and the last word is unknown (%s)", ran, last.Reason))
	case wrongID && !e.hurt:
		v.untrue = append(v.untrue, fmt.Sprintf("it ran in job %d, and the last word is job %d", ran, last.JobID))
	case last.State == "completed" && len(ends) == 0:
		v.untrue = append(v.untrue, "the last word is completed, and no payload came to its end")
	}
}
