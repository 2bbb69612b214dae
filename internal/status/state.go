package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/indices"
)

// Status is what became of a run, from all witnesses. Of a sweep, Task, Attempt,
// Start and End are its first task's, and State sums its tasks up.
type Status struct {
	Run     rundir.Run
	State   slurm.State
	Reason  string // why it waits, or what it died of; "" when there is nothing to say
	Job     facts.Submit
	Task    int
	Attempt int
	Start   *facts.Start // nil: no start was seen, or not looked at (Load)
	End     *facts.End   // nil: no end was seen, or not looked at
	Brief   Brief        // of the two what a table shows
	// NotSubmitted is a run that never reached Slurm: its submission was
	// interrupted before sbatch was called, or Slurm has no job of it.
	NotSubmitted bool
	// Counts is a sweep's tasks by state; nil for a run that is none.
	Counts map[slurm.State]int
	// Tasks is every task of a run; nil for one that was found over before:
	// LoadTasks reads them then.
	Tasks []TaskStatus

	// Elsewhere says that Slurm was not asked: the run is on another cluster.
	Elsewhere string

	rounds    int
	cluster   string
	Unsettled bool // some submission is not settled
	// Unread is a fact of the run that is there and cannot be read.
	Unread error
	Final  *finalFact
}

// TaskStatus is what became of one task.
type TaskStatus struct {
	Task      int
	Attempt   int
	State     slurm.State
	Reason    string
	Cause     Cause // "" for most
	Submitted bool  // else no job of Slurm's has it
	Job       int64 // the job, or the array, that has it
	Index     int   // in the array, or -1
	Begun     time.Time
	Brief     Brief

	Wanted  slurm.Wanted // the task in Slurm
	claimed bool         // Job is sbatch's word alone: see ledger.Claimed
	// unconfirmed says that it came from something else than Slurm's own sbatch,
	// could not be confirmed then, and has not been since.
	unconfirmed bool
	instead     int64 // what sbatch had answered in its place
	end         *facts.End
	Start       bool  // an attempt was begun
	first       int   // the number of the first attempt of the job that has it now
	open        bool  // whether a later round's job was taken is not known
	Unread      error // something that it left is there and cannot be read
}

// Ref is the task as Slurm writes it: 12, 12_3.
func (t TaskStatus) Ref() string {
	if t.Index < 0 {
		return strconv.FormatInt(t.Job, 10)
	}
	return fmt.Sprintf("%d_%d", t.Job, t.Index)
}

// Brief is what a table shows of a start and an end.
type Brief struct {
	Build   string  `json:"build,omitempty"`
	Elapsed float64 `json:"elapsed_seconds,omitempty"`
	Exit    *int    `json:"exit_code,omitempty"` // nil: no end was seen
	// Note is what the state does not tell, such as an output that is missing.
	Note string `json:"note,omitempty"`
}

// exitCode is what the payload exited with; -1 when that is not known.
func exitCode(b Brief) int {
	if b.Exit != nil {
		return *b.Exit
	}
	return -1
}

// Over reports whether nothing of the run is to be expected any more.
func (s Status) Over() bool { return s.State.Final() || s.NotSubmitted }

// JobID is the number of the job that has the run now: after a retry that of the
// last round. Of a sweep, whose tasks may be in several, it is the first one's.
// 0 where sbatch's answer is all that tells a number, and nobody could confirm it,
// and where it is not known whether Slurm took a retry.
func (s Status) JobID() int64 {
	if slices.ContainsFunc(s.Tasks, func(t TaskStatus) bool { return t.unconfirmed || t.open }) {
		return 0
	}
	if !s.Sweep() && len(s.Tasks) > 0 && s.Tasks[0].Submitted {
		return s.Tasks[0].Job
	}
	return s.Job.JobID
}

// Sweep reports whether the run has many tasks.
func (s Status) Sweep() bool { return s.Counts != nil }

// Watcher is what following runs asks of Slurm.
type Watcher = ledger.Submitter

// States merges, for every run given, its files, squeue and sacct: one squeue
// and at most one sacct for all of them together, or none where p.Cache holds an
// answer of a few seconds ago; more only for jobs whose comment was changed before
// anybody saw them, and for numbers that are not the run's. Slurm's terminal state outranks the exit code;
// gone from the queue is not completed. A run that is settled by its own files
// alone asks nobody. The error says that Slurm did not answer; the states are
// then from the files.
func States(ctx context.Context, w Watcher, all []rundir.Run, p ledger.About) ([]Status, error) {
	out := make([]Status, len(all))
	parallel(len(all), func(i int) { out[i] = fromFiles(all[i]) })
	var ask []int
	for i := range out {
		switch {
		case !out[i].settled():
			ask = append(ask, i)
		case out[i].Final == nil && out[i].Job.Local && out[i].State.Final():
			out[i].keep("files", p.Now())
		}
	}
	if len(ask) == 0 || w == nil {
		for i := range out {
			out[i].tellUnread()
		}
		if len(ask) > 0 {
			return out, errors.New("no Slurm is at hand")
		}
		return out, nil
	}
	now := p.Now()
	here, errs := elsewhere(ctx, w, out, ask)
	for _, i := range ask {
		if err := out[i].settle(ctx, w, p); err != nil {
			errs = append(errs, err)
		}
	}
	ask, away := apart(out, ask)
	said, err := witnesses(ctx, w, p, here, out, ask)
	if err == nil {
		said, err = doubts(ctx, w, p, here, out, ask, said)
	}
	silent := ""
	if err != nil {
		errs, silent = append(errs, err), "slurm does not answer"
	}
	for _, i := range ask {
		out[i].merge(said, silent, now)
		out[i].tellMoved()
	}
	for _, i := range away {
		out[i].merge((&answer{}).index(), out[i].Elsewhere, now)
	}
	for i := range out {
		out[i].tellUnread()
	}
	return out, joined(errs)
}

// joined is the errors of asking Slurm as one.
func joined(errs []error) error { return ledger.FromSlurm(errors.Join(errs...)) }

// parallel calls f for 0 to n-1, a few at once: reading is mostly waiting.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, 8) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// fromFiles is what the run's own files say.
func fromFiles(r rundir.Run) Status {
	s := Status{Run: r, State: slurm.Unknown}
	var f finalFact
	if durable.Read(finalFile(r), &f) == nil && f.Schema == finalSchema && holds(r, f) { // a cache
		s.Final, s.State, s.Reason, s.Counts = &f, f.State, f.Reason, f.Counts
		s.Attempt, s.Brief, s.Job = f.Attempt, f.Brief, f.Job
		return s
	}
	ins, err := ledger.Intents(r)
	haveJob, jerr := durable.ReadIf(r.SubmitFile(), &s.Job)
	began, aerr := durable.There(r.AttemptDir(0, 0))
	if err := cmp.Or(err, jerr, aerr); err != nil {
		s.unread(err)
	}
	s.rounds = len(ins)
	if len(ins) > 0 {
		s.cluster = ins[0].Cluster
	}
	if len(ins) == 0 {
		if s.Unread == nil && !haveJob && !began {
			s.NotSubmitted, s.Reason = true, "interrupted before it was submitted"
			return s
		}
		ins = []facts.Intent{{}} // a copy, or submitted by hand
	}
	s.Tasks = taskFiles(r, ins, s.Job.Priv)
	if calls := ledger.CallsOf(ins[0]); calls[0].Array != "" {
		s.Counts = map[slurm.State]int{}
	}
	if ins[0].Local {
		s.Job.Local = true // also where its submit.json was never written
		localState(r, &s.Tasks[0])
	}
	s.sum()
	s.Load()
	return s
}

// taskFiles is what the files say of every task.
func taskFiles(r rundir.Run, ins []facts.Intent, who facts.SubmitPerson) []TaskStatus {
	at := map[int]int{}
	var out []TaskStatus
	for _, in := range ins {
		for c, call := range ledger.CallsOf(in) {
			j, known, err := ledger.Answer(r, in, c)
			want := ledger.Wanted(r, j, who)
			for _, task := range ledger.TasksOf(call) {
				i, ok := at[task]
				if !ok {
					i = len(out)
					at[task] = i
					out = append(out, TaskStatus{Task: task, State: slurm.Unknown, Index: -1})
				}
				if err != nil {
					out[i].unread(err)
				}
				t := &out[i]
				t.open = t.open || in.Round > 0 && !known
				if j.JobID == 0 {
					continue
				}
				t.Submitted, t.Job, t.Wanted, t.first = true, j.JobID, want, call.Attempt
				t.claimed, t.instead = ledger.Claimed(j) && want.Submitted.IsZero(), j.Instead
				t.unconfirmed = t.claimed && j.Unconfirmed
				if call.Array != "" {
					t.Index = task - call.Offset
					t.Wanted.Task = t.Index
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b TaskStatus) int { return a.Task - b.Task })
	begun := begun(r)
	parallel(len(out), func(i int) {
		if t := &out[i]; begun == nil || begun[t.Task] {
			attempt(r, t)
		}
	})
	return out
}

// Load reads the first task's start and end.
func (s *Status) Load() {
	var st facts.Start
	var end facts.End
	if s.Start == nil && s.read(s.Run.StartFile(s.Task, s.Attempt), &st) {
		s.Start, s.Brief.Build = &st, st.Build.Arch
	}
	if s.End == nil && s.read(s.Run.EndFile(s.Task, s.Attempt), &end) {
		s.End, s.Brief.Elapsed, s.Brief.Exit, s.Brief.Note = &end, end.Elapsed, &end.ExitCode, noteOf(&end)
	}
}

// read reports whether a fact of the run's is there, and whole.
func (s *Status) read(file string, v any) bool {
	there, err := durable.ReadIf(file, v)
	if err != nil {
		s.unread(err)
	}
	return there && err == nil
}

// settled reports whether the files alone decide: a local run, one that was
// never submitted, or one whose state was found terminal before.
func (s *Status) settled() bool { return s.NotSubmitted || s.Job.Local || s.Final != nil }

// LoadTasks fills in the tasks of a run that was found over before.
func (s *Status) LoadTasks() error {
	if s.Tasks != nil || s.NotSubmitted {
		return nil
	}
	ins, err := ledger.Intents(s.Run)
	if err != nil {
		return fmt.Errorf("run %s: %w", s.Run.ID, err)
	}
	if len(ins) == 0 {
		ins = []facts.Intent{{}}
	}
	s.Tasks = taskFiles(s.Run, ins, s.Job.Priv)
	defer s.tellUnreadTasks()
	if s.Final == nil {
		return nil
	}
	if !s.Sweep() {
		s.Tasks[0].State, s.Tasks[0].Reason = s.State, s.Reason
		s.Tasks[0].Cause = s.Final.cause(s.Tasks[0].Task, s.Reason)
		return nil
	}
	states := map[int]slurm.State{}
	for _, state := range slices.Sorted(maps.Keys(s.Final.Tasks)) {
		ns, err := indices.Parse(s.Final.Tasks[state])
		if err != nil {
			return fmt.Errorf("run %s: %w", s.Run.ID, err)
		}
		for _, n := range ns {
			states[n] = state
		}
	}
	for i := range s.Tasks {
		t := &s.Tasks[i]
		if state, ok := states[t.Task]; ok {
			t.State, t.Reason = state, s.Final.Reasons[t.Task]
			t.Cause = s.Final.cause(t.Task, t.Reason)
		}
	}
	return nil
}
