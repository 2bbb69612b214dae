package submit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/finish"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
)

// Again says what of a run to submit once more, and with what.
type Again struct {
	Task     int    // -1: all that need it
	Failed   bool   // only what failed, not what was cancelled or never submitted
	Mem      string // "x1.5", or a size; "" as before
	Time     string // "x2", or a time; "" as before
	MaxArray int    // Slurm's MaxArraySize
	// Ready says why nothing can be submitted from here, before anything is
	// changed; nil: that is not looked at.
	Ready func() error
}

// Retry submits tasks of a run again that are over and not completed: in the
// same directory and environment, under the same numbers, each as a further
// attempt. What the earlier attempts left stays.
func Retry(ctx context.Context, r rundir.Run, w status.Watcher, a Again, p ledger.About) (facts.Submit, []int, error) {
	none := func(err error) (facts.Submit, []int, error) { return facts.Submit{}, nil, err }
	p.MaxAge = 0
	states, err := status.States(ctx, w, []rundir.Run{r}, p)
	if err != nil {
		return none(&ledger.UncertainError{RunID: r.ID, Err: err})
	}
	s := states[0]
	if s.Job.Local {
		return none(fault.New("run "+r.ID+" is a local one", "submit its job file again with --local"))
	}
	if s.Unsettled {
		return none(&ledger.UncertainError{RunID: r.ID, Err: errors.New(s.Reason)})
	}
	if err := s.LoadTasks(); err != nil {
		return none(err)
	}
	if was := s.Moved(); was != "" {
		return none(fault.New(fmt.Sprintf("run %s was submitted from %s, and its project was moved or copied since: its jobs would look for it there", r.ID, was),
			"move it back (a symbolic link from the old name to the new place does, too), or submit the job file anew from where it is now"))
	}
	var pl plan.Plan
	if err := durable.Read(r.PlanFile(), &pl); err != nil {
		return none(fmt.Errorf("plan of run %s: %w", r.ID, err))
	}
	if err := envsThere(r, &pl); err != nil {
		return none(err)
	}
	tasks := wanted(s, a)
	if len(tasks) == 0 {
		return none(fault.New(fmt.Sprintf("run %s has nothing to retry: it is %s", r.ID, s.State)+text.Because(s.Reason), "only what is over and not completed is submitted again"))
	}
	ins, err := ledger.Intents(r)
	if err != nil {
		return none(err)
	}
	options, err := a.Options(&pl, ins)
	if err != nil {
		return none(err)
	}
	if a.Ready != nil {
		if err := a.Ready(); err != nil {
			return none(err)
		}
	}
	waits, err := afterAgain(ctx, r, w, &pl, ins, p)
	if err != nil {
		return none(err)
	}
	options = append(options, waits...)
	attempt := 0
	for _, t := range s.Tasks {
		if _, found := slices.BinarySearch(tasks, t.Task); found && t.Start {
			attempt = max(attempt, t.Attempt+1)
		}
	}
	calls := []facts.Call{{Count: 1, Attempt: attempt}}
	if s.Sweep() {
		calls = ledger.Calls(tasks, a.MaxArray, pl.Sweep.MaxRunning, attempt)
	}
	for i := range calls {
		calls[i].Options = options
	}
	if err := unseal(r); err != nil {
		return none(err)
	}
	p.WorkDir, p.Job = s.Job.Priv.Dir, pl.Job
	sub, err := ledger.Round(ctx, r, w, p, facts.Intent{Round: max(len(ins), 1), Calls: calls})
	status.Forget(p)
	if errors.Is(err, durable.ErrExists) {
		err = fault.New("run "+r.ID+" was retried by somebody else at this moment", "nixbatch status "+r.ID)
	}
	return sub, tasks, err
}

// wanted are the tasks to submit again, ascending.
func wanted(s status.Status, a Again) (out []int) {
	for _, t := range s.Tasks {
		if a.Task >= 0 && t.Task != a.Task {
			continue
		}
		over := t.State.Final() || t.State == slurm.Unknown || !t.Submitted
		failed := t.Submitted && t.State != slurm.Cancelled
		if over && t.State != slurm.Completed && (failed || !a.Failed) {
			out = append(out, t.Task)
		}
	}
	return out
}

func envsThere(r rundir.Run, pl *plan.Plan) error {
	for _, b := range pl.Builds {
		env, err := os.Readlink(r.EnvLink(b.Arch))
		if err == nil {
			_, err = os.Stat(env)
		}
		if err != nil {
			return fault.New(fmt.Sprintf("the %s build of run %s is gone: %v", b.Arch, r.ID, err),
				"nixbatch build makes the same again from "+filepath.Join(r.Dir, facts.JobFile)+", copied beside its inputs")
		}
	}
	return nil
}

// Options are the values to ask for instead of the ones asked for last.
func (a Again) Options(pl *plan.Plan, ins []facts.Intent) ([]string, error) {
	last := map[string]string{}
	for _, o := range pl.Slurm {
		last[o.Name] = o.Value
	}
	var keep []string // values of an earlier retry hold on
	if n := len(ins); n > 0 {
		for _, o := range ledger.CallsOf(ins[n-1])[0].Options {
			name, value, _ := strings.Cut(strings.TrimPrefix(o, "--"), "=")
			if name == "dependency" || name == "kill-on-invalid-dep" {
				continue // what was waited for is over
			}
			last[name] = value
			keep = append(keep, o)
		}
	}
	set := func(name, value string) {
		keep = slices.DeleteFunc(keep, func(o string) bool { return strings.HasPrefix(o, "--"+name+"=") })
		keep = append(keep, "--"+name+"="+value)
	}
	if a.Mem != "" {
		name := "mem"
		for _, n := range []string{"mem-per-cpu", "mem-per-gpu"} {
			if last[n] != "" {
				name = n
			}
		}
		v, err := MoreMemory(last[name], a.Mem)
		if err != nil {
			return nil, err
		}
		set(name, v)
	}
	if a.Time != "" {
		v, err := MoreTime(last["time"], a.Time)
		if err != nil {
			return nil, err
		}
		set("time", v)
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

// unseal puts the seal of a run that is to go on aside, with what it was made
// with: the next one supersedes it.
func unseal(r rundir.Run) error {
	if !finish.Sealed(r) {
		return nil
	}
	dir := ""
	for n := 0; ; n++ {
		dir = filepath.Join(r.Dir, fmt.Sprintf("superseded-%d", n))
		if err := os.Mkdir(dir, 0o700); err == nil {
			break
		} else if !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("seal: %w", err)
		}
	}
	for _, f := range []string{r.SealFile(), filepath.Join(r.Dir, seal.TasksFile), filepath.Join(r.Dir, private.PrivateFile), r.ResultFile(), r.AccountingFile()} {
		if err := os.Rename(f, filepath.Join(dir, filepath.Base(f))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("seal: %w", err)
		}
	}
	return nil
}
