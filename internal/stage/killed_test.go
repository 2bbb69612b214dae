package stage_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/stage"
)

const (
	oldText = "what was there before\n"
	newText = "what the task made\n"
)

// killedScene is a job's directory below dir, an earlier output in it.
func killedScene(dir string) (job string, k stage.Keeper, p stage.Place) {
	job = filepath.Join(dir, "job")
	k = stage.Keeper{Shared: filepath.Join(dir, "shared"), Run: filepath.Join(dir, "run"), Below: int64(len(newText)), Flush: true}
	return job, k, stage.NewPlace(filepath.Join(dir, "top"), job, k.Run, []string{"in.dat"})
}

// attempt is all that an attempt does with files: it keeps and lays out an input,
// makes a small and a large output unless they are there, keeps them and puts them
// back.
func attempt(dir string) error {
	job, k, p := killedScene(dir)
	if err := errors.Join(os.MkdirAll(k.Run, 0o700), os.MkdirAll(p.Top, 0o700)); err != nil {
		return err
	}
	in, err := k.All([]string{"in.dat"}, func(n string) string { return filepath.Join(job, n) }, digest.HashLimit)
	if err != nil {
		return err
	}
	laid, err := p.Lay(in, nil)
	if err != nil {
		return err
	}
	if text, err := os.ReadFile(filepath.Join(p.Dir, "in.dat")); err != nil || string(text) != oldText {
		return fmt.Errorf("the input is %q, %v (again %v)", text, err, laid.Again)
	}
	large := strings.Repeat(newText, 100)
	for name, text := range map[string]string{"small.out": newText, "sub/large.out": large} {
		// The program of a task that was killed writes it again.
		err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(p.Dir, name)), 0o700), os.WriteFile(filepath.Join(p.Dir, name), []byte(text), 0o600))
		if err != nil {
			return err
		}
	}
	return putBack(dir)
}

func putBack(dir string) error {
	job, k, p := killedScene(dir)
	out, err := k.Outputs(p.Dir, []string{"**/*.out"}, digest.HashLimit)
	if err != nil {
		return err
	}
	if failed := (stage.Back{Dir: p.Dir, To: job, Kept: k.Run, Name: "run/0", Move: true}).Files(out); len(failed) > 0 {
		return fmt.Errorf("not put back: %+v", failed)
	}
	return nil
}

// A kill at any call of the kernel's that changes a file leaves each output beside
// the job file as it was or as it is to be, and what follows makes it whole: the
// next attempt, or putting back alone, once all was made.
func TestKilledAtAnyInstant(t *testing.T) {
	if dir := os.Getenv("STAGE_ATTEMPT"); dir != "" {
		if err := attempt(dir); err != nil {
			t.Fatal(err)
		}
		return
	}
	kills := 0
	for _, call := range []string{"openat", "write", "fchmod", "fsync", "renameat", "linkat", "unlinkat", "mkdirat", "ioctl", "copy_file_range,sendfile"} {
		for n := 1; ; n++ {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "job/in.dat"), oldText, 0o600)
			write(t, filepath.Join(dir, "job/small.out"), oldText, 0o600)
			write(t, filepath.Join(dir, "job/sub/large.out"), oldText, 0o600)
			cmd := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n),
				os.Args[0], "-test.run=^TestKilledAtAnyInstant$")
			cmd.Env = append(os.Environ(), "STAGE_ATTEMPT="+dir)
			out, err := cmd.CombinedOutput()
			if killed := whole(t, dir, cmd, err); !killed {
				if err != nil {
					t.Fatalf("%s %d: %v\n%s", call, n, err, out)
				}
				break
			}
			kills++
			if err := attempt(dir); err != nil {
				t.Fatalf("after a kill at %s %d: %v", call, n, err)
			}
			done(t, dir)
		}
	}
	if kills < 30 {
		t.Errorf("only %d kills", kills)
	}
}

// whole checks that no output is half there, and reports whether the process was
// killed.
func whole(t *testing.T, dir string, cmd *exec.Cmd, err error) bool {
	t.Helper()
	job, _, _ := killedScene(dir)
	for name, text := range map[string]string{"small.out": newText, "sub/large.out": strings.Repeat(newText, 100)} {
		if got := read(t, filepath.Join(job, name)); got != oldText && got != text {
			t.Errorf("%s is %q", name, got)
		}
	}
	if got := read(t, filepath.Join(job, "in.dat")); got != oldText {
		t.Errorf("the input is %q", got)
	}
	ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return err != nil && ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL
}

// done checks that the outputs are the new ones, and that nothing half written is
// left.
func done(t *testing.T, dir string) {
	t.Helper()
	job, _, _ := killedScene(dir)
	for name, text := range map[string]string{"small.out": newText, "sub/large.out": strings.Repeat(newText, 100)} {
		if got := read(t, filepath.Join(job, name)); got != text {
			t.Errorf("in the end %s is %q", name, got)
		}
	}
	err := filepath.WalkDir(job, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".nixbatch-") {
			t.Errorf("left: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
