package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
)

// termGrace is what a payload with files to copy back has after SIGTERM: at the
// time limit Slurm kills everything after KillWait (30 seconds by default).
const termGrace = 8 * time.Second

// enterScratch makes the task's directory on the node and fills it. a.dir is
// where the payload runs; "" is the job's own directory.
func (a *Agent) enterScratch() error {
	sc := a.plan.Scratch
	if sc == nil {
		return nil
	}
	base := sc.Dir
	if rest, ok := strings.CutPrefix(base, "$"); ok {
		name, below, _ := strings.Cut(rest, "/")
		if base = a.Getenv(name); base == "" {
			return fault.New(fmt.Sprintf("scratch.dir: $%s is not set on this node", name), "write a directory that every node has")
		}
		base = filepath.Join(base, below)
	}
	if !filepath.IsAbs(base) {
		return fault.New(fmt.Sprintf("scratch.dir: %s is not an absolute path", base), "")
	}
	dir := filepath.Join(base, fmt.Sprintf("nixbatch-%s-%d-%d", a.Run.ID, a.task, a.attempt))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fault.New(fmt.Sprintf("scratch: %v", err), "scratch.dir has to be there, and writable, on every node").Because(err)
	}
	a.dir = dir
	for _, pattern := range sc.StageIn {
		names, err := match(".", pattern)
		switch {
		case err != nil && len(names) == 0:
			return fmt.Errorf("scratch.stage-in: %s cannot be looked for: %w", pattern, err)
		case err != nil:
			a.start.Notes = append(a.start.Notes, fmt.Sprintf("scratch.stage-in: where %s may be, something cannot be read: %v", pattern, err))
		}
		later := a.plan.Checkpoint != nil && slices.Contains(a.plan.Checkpoint.Files, pattern) // none before the first attempt
		if len(names) == 0 && !later && !strings.ContainsAny(pattern, `*?[{\`) {
			return fault.New(fmt.Sprintf("scratch.stage-in: %s is missing", pattern), "")
		}
		for _, n := range names {
			if err := copyFile(n, filepath.Join(dir, n)); err != nil {
				return fmt.Errorf("scratch: %s could not be copied there: %w", n, err)
			}
		}
	}
	if a.number("SLURM_JOB_NUM_NODES") > 1 {
		a.start.Notes = append(a.start.Notes, "the scratch directory was made and filled on the first node only")
	}
	return nil
}

// leaveScratch copies back what the task made, each file under its name only
// when it is whole, and removes the directory. What could not be copied is
// returned and told, and the directory then stays.
func (a *Agent) leaveScratch() (failed []facts.File) {
	if a.dir == "" {
		return nil
	}
	done := map[string]bool{}
	for _, pattern := range a.plan.Scratch.StageOut {
		names, err := match(a.dir, pattern)
		if err != nil {
			failed = append(failed, facts.File{Path: pattern, Skipped: digest.Reason(err), Skip: facts.SkipUnreadable})
		}
		for _, n := range names {
			if done[n] {
				continue
			}
			done[n] = true
			if err := copyFile(filepath.Join(a.dir, n), n); err != nil {
				var pe *fs.PathError
				if errors.As(err, &pe) {
					err = pe.Err
				}
				failed = append(failed, facts.File{Path: n, Skipped: err.Error(), Skip: facts.SkipUnreadable})
			}
		}
	}
	if len(failed) == 0 {
		if err := os.RemoveAll(a.dir); err != nil {
			fmt.Fprintf(a.Stderr, "nixbatch: the scratch directory could not be removed: %v\n", err)
		}
		return nil
	}
	host, _ := a.Hostname()
	for _, f := range failed {
		fmt.Fprintf(a.Stderr, "nixbatch: %s could not be copied back: %s\n", f.Path, f.Skipped)
	}
	fmt.Fprintf(a.Stderr, "nixbatch: the scratch directory stays: %s on %s\n", a.dir, host)
	return failed
}

// match lists the regular files below dir that a pattern names: a file of that
// very name comes first, as in outputs.
func match(dir, pattern string) ([]string, error) {
	if st, err := os.Lstat(filepath.Join(dir, pattern)); err == nil && st.Mode().IsRegular() {
		return []string{pattern}, nil
	}
	return glob(dir, pattern)
}

// glob lists the files below dir that a pattern names. Beside an error, that
// something cannot be read where there may be more, are those that were found.
func glob(dir, pattern string) ([]string, error) {
	options := []doublestar.GlobOption{doublestar.WithFilesOnly(), doublestar.WithNoFollow()}
	names, err := doublestar.Glob(os.DirFS(dir), pattern, append(options, doublestar.WithFailOnIOErrors())...)
	switch {
	case err == nil:
		return names, nil
	case errors.Is(err, doublestar.ErrBadPattern), errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	names, _ = doublestar.Glob(os.DirFS(dir), pattern, options...) // it passes over what cannot be read
	return names, err
}

// copyFile copies a regular file with its mode under a temporary name beside
// its place, and renames it when it is whole and on disk.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".nixbatch-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(out.Name())
		}
	}()
	_, err = io.Copy(out, in)
	for _, step := range []func() error{func() error { return out.Chmod(st.Mode().Perm()) }, out.Sync, out.Close} {
		if serr := step(); err == nil {
			err = serr
		}
	}
	if err == nil {
		err = os.Rename(out.Name(), to)
	}
	return err
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
