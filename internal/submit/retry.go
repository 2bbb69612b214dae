package submit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Again says what of a run to submit once more, and with what.
type Again struct {
	Task   int    // -1: all that need it
	Failed bool   // only what failed, not what was cancelled or never submitted
	Mem    string // "x1.5", or a size; "" as before
	Time   string // "x2", or a time; "" as before
	Again  bool   // also where another run of the same job is there already
	// Unknown submits also tasks of which it is not known what became: they may
	// still run.
	Unknown bool
	// Left is told of tasks that are left alone because they may run; nil: nobody
	// is.
	Left func(sentence, way string)
	Here Here
}

// Here is what retrying asks of this machine.
type Here struct {
	Keeper Keeper
	// Ready says why nothing can be submitted from here, before anything is
	// changed; nil: that is not looked at.
	Ready func() error
	// MaxArray is Slurm's MaxArraySize, asked for a sweep; nil: its default.
	MaxArray func(context.Context) int
}

// RetryHere is Here for a run of the project.
func (o Options) RetryHere(p rundir.Project) Here {
	return Here{
		Keeper: &nix.Nix{Runner: o.Runner, Dir: p.Dir, LogDir: filepath.Join(p.Dir, "logs"), Environ: o.Environ, Progress: o.Progress},
		Ready: func() error {
			if _, err := proc.Look("sbatch"); err != nil {
				return &ledger.NoSlurmError{Err: err}
			}
			return nil
		},
		MaxArray: func(ctx context.Context) int { return ArrayLimit(ctx, o.Client, p, o.Now()) },
	}
}

// retrial is a retry on its way.
type retrial struct {
	r       rundir.Run
	w       status.Watcher
	a       Again
	p       ledger.About
	plan    plan.Plan
	state   status.Status
	intents []facts.Intent
	tasks   []int
	options sbatch.Options
}

// Retry submits tasks of a run again that are over and not completed: in the
// same directory and environment, under the same numbers, each as a further
// attempt. What the earlier attempts left stays. It keeps the guards of Submit.
func Retry(ctx context.Context, r rundir.Run, w status.Watcher, a Again, p ledger.About) (sub facts.Submit, tasks []int, err error) {
	t := &retrial{r: r, w: w, a: a, p: p}
	look := func() error { return t.look(ctx) }
	err = guarded(ctx, r.Project, r.Name(), look, func() error {
		sub, err = t.hand(ctx)
		return err
	})
	return sub, t.tasks, err
}

// look finds what to submit, and with what. Nothing is changed.
func (t *retrial) look(ctx context.Context) error {
	p := t.p
	p.MaxAge = 0
	states, err := status.States(ctx, t.w, []rundir.Run{t.r}, p)
	if err == nil && !states[0].Job.Local {
		// What was found over before is not asked about again.
		err = ledger.Here(ctx, t.r, t.w, states[0].Cluster())
	}
	if ctx.Err() != nil {
		return ctx.Err() // nothing was done yet
	}
	var away *slurm.ElsewhereError
	if errors.As(err, &away) {
		return away
	}
	if err != nil {
		return &ledger.UncertainError{RunID: t.r.ID, Err: err}
	}
	s := states[0]
	if s.Job.Local {
		return fault.New("run "+t.r.ID+" is a local one", "submit its job file again with --local")
	}
	if s.Unsettled {
		return &ledger.UncertainError{RunID: t.r.ID, Err: errors.New(s.Reason)}
	}
	if err := s.LoadTasks(); err != nil {
		return err
	}
	if was := s.Moved(); was != "" {
		return fault.New(fmt.Sprintf("run %s was submitted from %s, and its project was moved or copied since: its jobs would look for it there", t.r.ID, was),
			"move it back (a symbolic link from the old name to the new place does, too), or submit the job file anew from where it is now")
	}
	t.state = s
	if err := durable.Read(t.r.PlanFile(), &t.plan); err != nil {
		return fmt.Errorf("plan of run %s: %w", t.r.ID, err)
	}
	if _, err := envsOf(t.r, &t.plan); err != nil {
		return err
	}
	var left leftAlone
	t.tasks, left = wanted(s, t.a)
	if len(t.tasks) == 0 && left.sentence != "" {
		return &fault.Error{Kind: left.kind, Message: "nothing of run " + t.r.ID + " was submitted: " + left.sentence, Way: left.way}
	}
	if left.sentence != "" && t.a.Left != nil {
		t.a.Left(left.sentence, left.way)
	}
	if len(t.tasks) == 0 {
		return fault.New(fmt.Sprintf("run %s has nothing to retry: it is %s", t.r.ID, s.State)+text.Because(s.Reason), "only what is over and not completed is submitted again")
	}
	if t.intents, err = ledger.Intents(t.r); err != nil {
		return err
	}
	if t.options, err = t.a.Options(&t.plan, t.intents); err != nil {
		return err
	}
	if t.a.Here.Ready != nil {
		if err := t.a.Here.Ready(); err != nil {
			return err
		}
	}
	if err := t.noTwin(ctx); err != nil {
		return err
	}
	waits, err := afterAgain(ctx, t.r, t.w, &t.plan, t.intents, p)
	t.options = append(t.options, waits...)
	return err
}

// noTwin is an error where another run of the job is there, and not over.
func (t *retrial) noTwin(ctx context.Context) error {
	if t.a.Again {
		return nil
	}
	if t.plan.Sweep != nil { // which is compared by its tasks, and they have a file of their own
		var err error
		if t.plan.Tasks, err = t.r.Rows(); err != nil {
			return fmt.Errorf("run %s: %w", t.r.ID, err)
		}
	}
	twins, err := Twins(ctx, t.r.Project, t.w, &t.plan, t.p)
	if err != nil {
		return err
	}
	for _, tw := range twins {
		if tw.Status.Run.ID != t.r.ID && len(tw.Differ) == 0 {
			return tw.same()
		}
	}
	return nil
}

// hand submits a further round of the run.
func (t *retrial) hand(ctx context.Context) (facts.Submit, error) {
	envs, err := envsOf(t.r, &t.plan)
	if err != nil {
		return facts.Submit{}, err
	}
	if err := keepAll(ctx, t.a.Here.Keeper, envs); err != nil {
		return facts.Submit{}, err
	}
	calls := t.calls(ctx)
	// The run goes on: another seal will supersede the one that it has.
	if err := seal.Supersede(t.r.Dir); err != nil {
		return facts.Submit{}, err
	}
	p := t.p
	p.MaxAge, p.WorkDir, p.Job = 0, t.state.Job.Priv.Dir, t.plan.Job
	sub, err := ledger.Round(ctx, t.r, t.w, p, facts.Intent{Round: max(len(t.intents), 1), Calls: calls})
	status.Forget(p)
	if err != nil {
		ForgetLimits(t.r.Project)
	}
	if errors.Is(err, durable.ErrExists) {
		err = fault.New("run "+t.r.ID+" was retried by somebody else at this moment", "nixbatch status "+t.r.ID)
	}
	return sub, err
}

// calls are the round's calls of sbatch.
func (t *retrial) calls(ctx context.Context) []facts.Call {
	attempt := 0
	for _, x := range t.state.Tasks {
		if _, found := slices.BinarySearch(t.tasks, x.Task); found && x.Start {
			attempt = max(attempt, x.Attempt+1)
		}
	}
	calls := []facts.Call{{Count: 1, Attempt: attempt}}
	if t.state.Sweep() {
		limit := DefaultArraySize
		if t.a.Here.MaxArray != nil {
			limit = t.a.Here.MaxArray(ctx)
		}
		calls = ledger.Calls(t.tasks, limit, t.plan.Sweep.MaxRunning, attempt)
	}
	for i := range calls {
		calls[i].Options = facts.Arguments(t.options)
	}
	return calls
}

// leftAlone says of tasks why they are not submitted again, and what would.
type leftAlone struct {
	kind          fault.Kind
	sentence, way string
}

// wanted are the tasks to submit again, ascending. What may still run is left
// alone: unknown is not over, and an attempt whose agent lives is not either,
// whatever Slurm says.
func wanted(s status.Status, a Again) (out []int, left leftAlone) {
	var alive, unknown, dark []status.TaskStatus
	for _, t := range s.Tasks {
		if a.Task >= 0 && t.Task != a.Task {
			continue
		}
		over := t.State.Final() || t.State == slurm.Unknown || !t.Submitted
		failed := t.Submitted && t.State != slurm.Cancelled
		if !over || t.State == slurm.Completed || !failed && a.Failed {
			continue
		}
		held, err := status.Alive(s.Run, t)
		switch {
		case err != nil:
			dark = append(dark, t)
		case held:
			alive = append(alive, t)
		case t.Submitted && t.State == slurm.Unknown && !a.Unknown:
			unknown = append(unknown, t)
		default:
			out = append(out, t.Task)
		}
	}
	tell := func(some []status.TaskStatus, one, many, way string) {
		if len(some) == 0 {
			return
		}
		sentence := one
		if s.Sweep() {
			sentence = fmt.Sprintf("task %d: %s", some[0].Task, one)
		}
		if len(some) > 1 {
			sentence += fmt.Sprintf(", and %s %s", text.Plural(len(some)-1, "more task"), many)
		}
		left.sentence, left.way = text.Join(left.sentence, sentence), way
	}
	if len(unknown) > 0 {
		left.kind = fault.Unsure
		tell(unknown, "it may still run, for what became of it is not known"+text.Because(unknown[0].Reason), "alike",
			"nixbatch why "+s.Run.ID+" tells more; once it is certain that it does not run, --unknown submits it again")
	}
	if len(dark) > 0 {
		left.kind = fault.Unsure
		tell(dark, "whether its attempt runs cannot be read", "alike", "nixbatch status "+s.Run.ID+" tells what cannot be read")
	}
	tell(alive, "its attempt runs: the agent holds its lock", "alike", "wait for its end, or nixbatch cancel "+s.Run.ID)
	return out, left
}

// envsOf are the store paths of a run's builds, which have to be there.
func envsOf(r rundir.Run, pl *plan.Plan) (out []string, err error) {
	for _, b := range pl.Builds {
		env, err := os.Readlink(r.EnvLink(b.Arch))
		var there bool
		if err == nil {
			there, err = durable.There(env)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the %s build of run %s: %w", b.Arch, r.ID, err)
		}
		if !there {
			return nil, fault.New(fmt.Sprintf("the %s build of run %s is gone", b.Arch, r.ID),
				"nixbatch build makes the same again from "+filepath.Join(r.Dir, facts.JobFile)+", copied beside its inputs")
		}
		out = append(out, env)
	}
	return out, nil
}

// Options are the values to ask for instead of the ones asked for last.
func (a Again) Options(pl *plan.Plan, ins []facts.Intent) (sbatch.Options, error) {
	last := slices.Clone(pl.Slurm)
	var keep sbatch.Options // values of an earlier retry hold on
	if n := len(ins); n > 0 {
		// What was waited for is over.
		keep = ledger.CallsOf(ins[n-1])[0].Asked().Without("dependency", "kill-on-invalid-dep")
		for _, o := range keep {
			last = last.Set(o.Name, o.Value)
		}
	}
	if a.Mem != "" {
		name := "mem"
		for _, x := range last {
			if n := x.Name; sbatch.IsMemory(n) && x.Value != "" {
				name = n
			}
		}
		was, _ := last.Get(name)
		v, err := MoreMemory(was, a.Mem)
		if err != nil {
			return nil, err
		}
		keep = keep.Set(name, v)
	}
	if a.Time != "" {
		was, _ := last.Get("time")
		v, err := MoreTime(was, a.Time)
		if err != nil {
			return nil, err
		}
		keep = keep.Set("time", v)
	}
	return keep, nil
}

// factor reads "x1.5".
func factor(s string) (float64, bool) {
	rest, ok := strings.CutPrefix(s, "x")
	f, err := strconv.ParseFloat(rest, 64)
	return f, ok && err == nil && f > 0 && f <= 1000
}

// MoreMemory is the size to ask for: how is "x1.5" of what was asked for, or a
// size.
func MoreMemory(was, how string) (string, error) {
	f, ok := factor(how)
	if !ok {
		mib, err := slurm.ParseSize(how)
		if err != nil {
			return "", fault.New(fmt.Sprintf("--mem: %v", err), "write a factor such as x1.5, or a size such as 8G")
		}
		return slurm.FormatSize(mib), nil
	}
	mib, err := slurm.ParseSize(was)
	if was == "" || err != nil || mib == 0 {
		return "", fault.New("--mem "+how+": the job file asks for no memory that could be multiplied", "write a size, such as --mem 8G")
	}
	return slurm.FormatSize(int64(float64(mib)*f + 0.999)), nil
}

// MoreTime is the time limit to ask for: how is "x2" of the one before, or a
// time.
func MoreTime(was, how string) (string, error) {
	f, ok := factor(how)
	if !ok {
		if _, err := slurm.ParseTime(how); err != nil {
			return "", fault.New(fmt.Sprintf("--time: %v", err), "write a factor such as x2, or a time such as 2:00:00")
		}
		return how, nil
	}
	d, err := slurm.ParseTime(was)
	if was == "" || err != nil || d <= 0 || d == slurm.Unlimited {
		return "", fault.New("--time "+how+": the job file sets no time that could be multiplied", "write a time, such as --time 2:00:00")
	}
	return slurm.FormatTime((time.Duration(float64(d)*f) + time.Minute - 1).Truncate(time.Minute)), nil
}
