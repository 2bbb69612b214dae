package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/stage"
)

// What a payload has after SIGTERM to end before its files are put back: at the
// time limit Slurm kills everything after KillWait (30 seconds by default), and
// what is on the node has to be copied, while what is in the run directory can
// also be put back later.
const (
	nodeGrace = 8 * time.Second
	termGrace = 20 * time.Second
)

// own reports whether the task has a directory of its own.
func (a *Agent) own() bool { return a.plan.Own() || a.plan.Scratch != nil }

// at is where the payload works.
func (a *Agent) at() string {
	if a.dir == "" {
		return "."
	}
	return a.dir
}

// layOut finds what the task reads, and puts it into its own directory. a.dir is
// where the payload works; "" is the job's own directory.
func (a *Agent) layOut() error {
	files, dirs, err := a.inputs()
	if err != nil {
		return err
	}
	if !a.own() {
		return a.hashInputs(files)
	}
	top, err := a.top()
	if err != nil {
		return err
	}
	names := a.plan.Reads()
	for _, f := range files {
		names = append(names, f.Path)
	}
	p := stage.NewPlace(top, a.start.Priv.WorkDir, a.Run.KeptDir(), names)
	if a.plan.Kept != nil {
		p.Keeper = stage.Keeper{Shared: a.Run.Project.Kept(), Run: a.Run.KeptDir(), Below: a.plan.Kept.Below, Flush: true}
	} else {
		p.Keeper.Below = stage.Nothing
	}
	laid, err := p.Lay(files, dirs)
	if err != nil {
		return err
	}
	a.place, a.dir, a.start.Priv.Dir = p, p.Dir, p.Dir
	a.start.Inputs, a.start.Changed = laid.Inputs, laid.Changed
	if a.plan.Scratch != nil && !laid.Again {
		if err := a.fetch(); err != nil {
			return err
		}
	}
	if a.plan.Scratch != nil && a.number("SLURM_JOB_NUM_NODES") > 1 {
		a.start.Notes = append(a.start.Notes, "the scratch directory was made and filled on the first node only")
	}
	for _, c := range a.start.Changed {
		a.start.Notes = append(a.start.Notes, fmt.Sprintf("input %s: %s", c.Path, c.What))
	}
	return nil
}

// inputs are what the task reads, as it was submitted.
func (a *Agent) inputs() (files []facts.File, dirs []string, err error) {
	var all facts.Inputs
	names := a.plan.Reads()
	there, err := durable.ReadIf(a.Run.InputsFile(), &all)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("the inputs of this run cannot be read: %w", err)
	case !there: // a run that reads nothing
		for _, n := range names {
			files = append(files, facts.File{Path: n})
		}
		return files, nil, nil
	}
	files, dirs, missing := stage.Select(all, names)
	for _, m := range missing {
		later := a.plan.Checkpoint != nil && slices.Contains(a.plan.Checkpoint.Files, m)
		if !later && !stage.IsPattern(m) {
			return nil, nil, fault.New(fmt.Sprintf("input %s was not there when the run was submitted", m), "submit the job again")
		}
	}
	return files, dirs, nil
}

// hashInputs hashes the inputs of a task that works beside the job file.
func (a *Agent) hashInputs(files []facts.File) error {
	for _, was := range files {
		f := digest.File(was.Path, was.Path, digest.HashLimit)
		if f.Why() == facts.SkipMissing {
			return fault.New(fmt.Sprintf("input %s is missing", was.Path), "it was there when the job was submitted")
		}
		f.Exec = was.Exec
		a.start.Inputs = append(a.start.Inputs, f)
		if was.SHA256 != "" && f.SHA256 != "" && f.SHA256 != was.SHA256 {
			a.start.Changed = append(a.start.Changed, facts.InputChange{Path: was.Path, What: stage.AtSubmission})
			a.start.Notes = append(a.start.Notes, fmt.Sprintf("input %s: %s", was.Path, stage.AtSubmission))
		}
	}
	a.before = surroundings(".")
	return nil
}

// top is the directory that holds the task's own: in the run directory, or on the
// node, under the same name for every attempt.
func (a *Agent) top() (string, error) {
	sc := a.plan.Scratch
	if sc == nil {
		dir := a.Run.TopDir(a.task)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", fmt.Errorf("the task's directory: %w", err)
		}
		return dir, nil
	}
	base := sc.Dir
	if rest, ok := strings.CutPrefix(base, "$"); ok {
		name, below, _ := strings.Cut(rest, "/")
		if base = a.Getenv(name); base == "" {
			return "", fault.New(fmt.Sprintf("scratch.dir: $%s is not set on this node", name), "write a directory that every node has")
		}
		base = filepath.Join(base, below)
	}
	if !filepath.IsAbs(base) {
		return "", fault.New(fmt.Sprintf("scratch.dir: %s is not an absolute path", base), "")
	}
	dir := filepath.Join(base, fmt.Sprintf("nixbatch-%s-%d", a.Run.ID, a.task))
	if err := a.fresh(dir); err != nil {
		return "", fault.New(fmt.Sprintf("scratch: %v", err), "scratch.dir has to be there, and writable, on every node").Because(err)
	}
	return dir, nil
}

// fresh makes the directory on the node. One that the attempt before left is gone
// on with; one of an earlier attempt, after which the task went on elsewhere, is
// removed.
func (a *Agent) fresh(dir string) error {
	if err := mine(dir); err != nil {
		return err
	}
	before := -1
	for n := range a.attempt {
		there, err := durable.There(a.Run.AttemptDir(a.task, n))
		if err != nil {
			return err
		}
		if there {
			before = n
		}
	}
	mark := filepath.Join(dir, "attempt")
	text, err := durable.ReadFile(mark)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if string(text) != strconv.Itoa(before) {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(mark, []byte(strconv.Itoa(a.attempt)), 0o600)
}

// mine makes a directory of a known name where others may make some, too: one that
// is there has to be this user's alone.
func mine(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if raw, ok := st.Sys().(*syscall.Stat_t); !ok || !st.IsDir() || int(raw.Uid) != os.Geteuid() || st.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is there, and is not a directory of yours alone", dir)
	}
	return nil
}

// fetch takes what an attempt on another node left to go on from.
func (a *Agent) fetch() error {
	carry := a.Run.CarryDir(a.task)
	if there, err := durable.There(carry); err != nil || !there {
		return err
	}
	var bad error
	names := stage.Match(carry, []string{"**"}, func(string) {}, func(_ string, err error) { bad = err })
	if bad != nil {
		return fmt.Errorf("what the attempt before left cannot be read: %w", bad)
	}
	if failed := (stage.Back{Dir: carry, To: a.dir, Name: a.name()}).Names(names); len(failed) > 0 {
		return fmt.Errorf("scratch: %s could not be copied there: %s", failed[0].Path, failed[0].Skipped)
	}
	return nil
}

// carry leaves what the next attempt goes on from where every node sees it.
func (a *Agent) carry(patterns []string) []facts.File {
	if a.plan.Scratch == nil || len(patterns) == 0 {
		return nil
	}
	to := a.Run.CarryDir(a.task)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return []facts.File{{Path: ".", Skipped: digest.Reason(err), Skip: facts.SkipUnreadable}}
	}
	var failed []facts.File
	names := stage.Match(a.dir, patterns, func(string) {}, func(p string, err error) {
		failed = append(failed, facts.File{Path: p, Skipped: digest.Reason(err), Skip: facts.SkipUnreadable})
	})
	return append(failed, stage.Back{Dir: a.dir, To: to, Name: a.name()}.Names(names)...)
}

// name tells this task's half-written files from others.
func (a *Agent) name() string { return fmt.Sprintf("%s/%d", a.Run.ID, a.task) }

// putBack puts the task's outputs back beside the job file. over says that it
// ended as it should: no attempt will go on from what is in its directory.
func (a *Agent) putBack(outputs []facts.File, over bool) []facts.File {
	if a.dir == "" {
		return nil
	}
	b := stage.Back{Dir: a.dir, To: a.start.Priv.WorkDir, Kept: a.Run.KeptDir(), Name: a.name(), Move: over}
	failed := b.Files(outputs)
	if a.plan.Scratch == nil {
		return failed
	}
	more := stage.Match(a.dir, a.plan.Gives(), func(string) {}, func(p string, err error) {
		failed = append(failed, facts.File{Path: p, Skipped: digest.Reason(err), Skip: facts.SkipUnreadable})
	})
	more = slices.DeleteFunc(more, func(n string) bool {
		return slices.ContainsFunc(outputs, func(f facts.File) bool { return f.Path == n })
	})
	return append(failed, b.Names(more)...)
}

// leave tells what could not be put back, and removes the directory on the node
// where all could.
func (a *Agent) leave(failed []facts.File) {
	if a.dir == "" {
		return
	}
	for _, f := range failed {
		fmt.Fprintf(a.Stderr, "nixbatch: %s could not be put back: %s\n", f.Path, f.Skipped)
	}
	switch {
	case len(failed) > 0 && a.plan.Scratch != nil:
		host, _ := a.Hostname()
		fmt.Fprintf(a.Stderr, "nixbatch: the scratch directory stays: %s on %s\n", a.place.Top, host)
	case len(failed) > 0:
		fmt.Fprintf(a.Stderr, "nixbatch: it is in the task's directory: %s\n", a.dir)
	case a.plan.Scratch != nil:
		if err := os.RemoveAll(a.place.Top); err != nil {
			fmt.Fprintf(a.Stderr, "nixbatch: the scratch directory could not be removed: %v\n", err)
		}
	}
}

// grace is what a payload has to end in that is told to.
func (a *Agent) grace() time.Duration {
	if a.plan.Scratch != nil {
		return nodeGrace
	}
	return termGrace
}

// endGroup tells a process group to end, and makes it so after a while.
func (a *Agent) endGroup(p Payload, after time.Duration) {
	p.Signal(syscall.SIGTERM)
	late := a.After(after)
	go func() {
		<-late
		p.Signal(syscall.SIGKILL)
	}()
}
