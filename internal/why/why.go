package why

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Schema is the name of the JSON of a Why.
const Schema = "nixbatch/why/v1"

// Why is what can be said about a run's, or a task's, state.
type Why struct {
	Schema  string      `json:"schema"`
	RunID   string      `json:"run_id"`
	Task    int         `json:"task"`
	Attempt int         `json:"attempt"`
	Job     string      `json:"job,omitempty"`
	State   slurm.State `json:"state"`
	Reason  string      `json:"reason,omitempty"` // as Slurm, or the node, says it
	Words   string      `json:"words"`            // the same in plain words
	Starts  *time.Time  `json:"expected_start,omitempty"`
	Exit    *int        `json:"exit_code,omitempty"`
	Memory  *Use        `json:"memory,omitempty"` // bytes
	Time    *Use        `json:"time,omitempty"`   // seconds
	Nodes   string      `json:"nodes,omitempty"`
	Log     []string    `json:"log,omitempty"` // the lines that decide
	LogFile string      `json:"log_file"`
	Notes   []string    `json:"notes,omitempty"` // what the state does not tell
	Next    []string    `json:"next"`            // what to do
}

// Use is what was used, and what was asked for (0: not known).
type Use struct {
	Used  int64 `json:"used"`
	Asked int64 `json:"asked"`
	// Of says what used is: "the largest process" or "the largest task".
	Of string `json:"of,omitempty"`
	// Exact is the time that the task itself measured, in seconds.
	Exact *float64 `json:"exact,omitempty"`
}

// Explain says why a run is what it is. task is -1 for the run: of a sweep that
// is the first task that did not complete.
func Explain(ctx context.Context, r rundir.Run, w status.Watcher, task int, p ledger.About) (*Why, error) {
	p.MaxAge = 0
	states, serr := status.States(ctx, w, []rundir.Run{r}, p)
	s := states[0]
	if err := s.LoadTasks(); err != nil {
		return nil, err
	}
	why := &Why{Schema: Schema, RunID: r.ID, State: s.State, Reason: s.Reason, Next: []string{}, LogFile: r.LogFile(max(task, 0))}
	if s.NotSubmitted || len(s.Tasks) == 0 {
		why.Words = "no job of it is in Slurm: " + s.Reason
		why.Next = append(why.Next, "submit the job file again")
		return why, serr
	}
	t := telling(s, task)
	why.Task, why.Attempt, why.State, why.Reason, why.LogFile, why.Exit = t.Task, t.Attempt, t.State, t.Reason, r.LogFile(t.Task), t.Brief.Exit
	var pl plan.Plan
	if err := durable.Read(r.PlanFile(), &pl); err != nil {
		return nil, fmt.Errorf("plan of run %s: %w", r.ID, err)
	}
	name := r.ID
	if s.Sweep() {
		name = fmt.Sprintf("%s.%d", r.ID, t.Task)
	}
	if err := s.Unreadable(); err != nil && !t.Submitted {
		why.Words = "which job it is, and whether there is one, is not known"
		return why, serr
	}
	if !t.Submitted && !s.Job.Local {
		why.Words = "this task was not submitted"
		why.Next = append(why.Next, "nixbatch retry "+r.ID)
		return why, serr
	}
	if t.Submitted {
		why.Job = t.Ref()
	}
	var job slurm.Job
	var acct slurm.AcctJob
	if w != nil && t.Submitted && s.Elsewhere == "" {
		job, acct = asked(ctx, w, t)
	}
	why.Nodes = job.Nodes
	if acct.Nodes != "" {
		why.Nodes = acct.Nodes
	}
	why.use(r, t, &pl, job, acct)
	why.directory(r, t, name)
	var end facts.End
	if t.State.Final() {
		// What cannot be read is told with the reason, and below by use.
		if there, err := durable.ReadIf(r.EndFile(t.Task, t.Attempt), &end); there && err == nil {
			why.Notes = append(why.Notes, status.Notes(&end)...)
		}
	}
	switch {
	case t.State == slurm.Pending:
		why.pending(job)
	case t.State == slurm.Running:
		why.Words = "it runs" + text.Because(t.Reason)
		if t.Cause == status.Suspended {
			why.Next = append(why.Next, "scontrol resume "+why.Job+" lets it go on; an administrator or a job of higher priority may have suspended it")
		}
	default:
		if t.State != slurm.Completed {
			log, err := decisive(why.LogFile)
			why.unread(err)
			if s.Sweep() {
				said, err := status.SlurmSaid(r, t, true)
				log = append(log, said...)
				why.unread(err)
			}
			why.Log = log
		}
		why.ended(name, &pl, t.Cause)
		if t.State == slurm.Cancelled || t.State == slurm.Unknown && !t.Start {
			if failed := submit.FailedParents(ctx, r, w, &pl, p); len(failed) > 0 {
				why.Words += ", for what it comes after did not complete"
				why.Next = nil
				for _, id := range failed {
					why.Next = append(why.Next, "nixbatch retry "+id+" first: this one comes after it; nixbatch why "+id+" tells what it died of")
				}
				why.Next = append(why.Next, "then nixbatch retry "+name)
			}
		}
	}
	return why, serr
}

// telling is the task to talk about.
func telling(s status.Status, task int) status.TaskStatus {
	if task >= 0 {
		if i := slices.IndexFunc(s.Tasks, func(t status.TaskStatus) bool { return t.Task == task }); i >= 0 {
			return s.Tasks[i]
		}
	}
	for _, is := range []func(status.TaskStatus) bool{
		func(t status.TaskStatus) bool { return t.State.Final() && t.State != slurm.Completed },
		func(t status.TaskStatus) bool { return t.Submitted && t.State == slurm.Unknown },
		func(t status.TaskStatus) bool { return t.State == slurm.Pending },
		func(t status.TaskStatus) bool { return t.State == slurm.Running },
	} {
		if i := slices.IndexFunc(s.Tasks, is); i >= 0 {
			return s.Tasks[i]
		}
	}
	return s.Tasks[0]
}

// asked is the task's job in the queue, and in the accounting with its steps.
func asked(ctx context.Context, w status.Watcher, t status.TaskStatus) (job slurm.Job, acct slurm.AcctJob) {
	q := slurm.Query{IDs: []string{t.Ref()}}
	if jobs, err := w.Queue(ctx, q); err == nil {
		for _, j := range jobs {
			if t.Wanted.Is(j.Sight()) {
				job = j
			}
		}
	}
	if recs, err := w.Accounting(ctx, q); err == nil {
		for _, j := range recs {
			if t.Wanted.Is(j.Sight()) {
				acct = j
			}
		}
	}
	return job, acct
}

// unread notes a file of the run that is there and cannot be read.
func (y *Why) unread(err error) {
	if err != nil {
		y.Notes = append(y.Notes, "it cannot be read: "+err.Error())
	}
}

// use compares what was used with what was asked for.
func (y *Why) use(r rundir.Run, t status.TaskStatus, pl *plan.Plan, job slurm.Job, acct slurm.AcctJob) {
	a := submit.Again{}
	ins, err := ledger.Intents(r)
	y.unread(err) // and the plan's values are told
	options := map[string]string{}
	kept, _ := a.Options(pl, ins) // it changes nothing, and cannot fail
	for _, o := range slices.Concat(pl.Slurm, kept) {
		options[o.Name] = o.Value
	}
	mem := Use{Of: "the largest process"}
	var end facts.End
	if there, err := durable.ReadIf(r.EndFile(t.Task, t.Attempt), &end); err != nil {
		y.unread(err)
	} else if there {
		mem.Used = end.MaxRSS << 10
	}
	for _, step := range acct.Steps {
		if step.MaxRSS > mem.Used {
			mem.Used, mem.Of = step.MaxRSS, "the largest task"
		}
	}
	for name, value := range options {
		if mib, err := slurm.ParseSize(value); err == nil && sbatch.IsMemory(name) {
			mem.Asked = mib << 20
			if name == "mem-per-cpu" {
				mem.Asked *= int64(max(job.CPUs, pl.Threads.CPUs, 1))
			}
		}
	}
	if mem.Used > 0 || mem.Asked > 0 {
		y.Memory = &mem
	}
	span := Use{Used: int64(t.Brief.Elapsed)}
	for _, d := range []time.Duration{job.Elapsed, acct.Elapsed} {
		span.Used = max(span.Used, int64(d/time.Second))
	}
	if d, err := slurm.ParseTime(options["time"]); err == nil && d > 0 && d != slurm.Unlimited {
		span.Asked = int64(d / time.Second)
	} else if job.Limit > 0 && job.Limit != slurm.Unlimited {
		span.Asked = int64(job.Limit / time.Second)
	}
	if t.Brief.Exit != nil {
		span.Exact = &t.Brief.Elapsed
	}
	if span.Used > 0 || span.Asked > 0 || span.Exact != nil {
		y.Time = &span
	}
}

func (y *Why) pending(job slurm.Job) {
	code := strings.Trim(job.Reason, "()")
	if code == "" {
		code = y.Reason
	}
	if !job.Start.IsZero() {
		y.Starts = &job.Start
	}
	r := slurm.ParseReason(code)
	words := r.Waiting()
	switch {
	case words == "":
		words = "Slurm says: " + code
	case r.Kind() == slurm.ForArray:
		words = "as many tasks of the sweep run as max-running allows"
	}
	y.Words = "it waits: " + words
	y.Next = append(y.Next, strings.ReplaceAll(wayOf(r), "JOB", y.Job))
}

// ended says what a task died of, and what to ask for next.
func (y *Why) ended(name string, pl *plan.Plan, cause status.Cause) {
	next := func(format string, args ...any) { y.Next = append(y.Next, fmt.Sprintf(format, args...)) }
	code := -1
	if y.Exit != nil {
		code = *y.Exit
	}
	switch y.State {
	case slurm.Completed:
		y.Words = "it completed"
		if m := y.Memory; m != nil && m.Used > 0 && m.Asked > 4*m.Used && m.Asked > 1<<30 {
			next("it asked for much more memory than it used: mem: %s would do", slurm.FormatSize(max(m.Used*3/2>>20, 100)))
		}
	case slurm.OutOfMemory:
		y.Words = "it ran out of memory"
		y.more(name, "mem", "x1.5")
	case slurm.TimedOut:
		y.Words = "its time limit came"
		y.more(name, "time", "x2")
		if pl.Checkpoint == nil {
			next("or let it go on from checkpoints: see checkpoint in the job file")
		}
	case slurm.NodeFail:
		y.Words = "its node failed, or Slurm lost it"
		next("nixbatch retry %s", name)
	case slurm.Cancelled:
		y.Words = "it was cancelled"
		if cause == status.Preempted {
			y.Words = "it was preempted by a job of higher priority"
			next("requeue: true below slurm lets Slurm start it again by itself")
		}
		next("nixbatch retry %s", name)
	case slurm.Unknown:
		y.Words = "what became of it is not known: " + text.Short(y.Reason)
		next("nixbatch retry %s --unknown, once it is certain that it does not run", name)
	default:
		y.Words = "it failed" + text.Because(y.Reason)
		switch {
		case code == fault.Refused.ExitCode() && (y.Time == nil || y.Time.Exact == nil || *y.Time.Exact == 0):
			y.Words = "nixbatch stopped it before the first of its lines: " + text.Short(y.Reason)
		case status.ExitWords[code].Way != "":
			next("%s", status.ExitWords[code].Way)
		}
		next("when the cause is mended: nixbatch retry %s", name)
	}
}

// more proposes the next value to ask for.
func (y *Why) more(name, what, by string) {
	text, err := "", error(nil)
	switch u := map[string]*Use{"mem": y.Memory, "time": y.Time}[what]; {
	case u == nil || u.Asked == 0:
	case what == "mem":
		text, err = submit.MoreMemory(slurm.FormatSize(u.Asked>>20), by)
	default:
		text, err = submit.MoreTime(slurm.FormatTime(time.Duration(u.Asked)*time.Second), by)
	}
	if text == "" || err != nil {
		y.Next = append(y.Next, fmt.Sprintf("nixbatch retry %s --%s with more than the site's default", name, what))
		return
	}
	y.Next = append(y.Next, fmt.Sprintf("nixbatch retry %s --%s %s, which is %s", name, what, by, text))
}
