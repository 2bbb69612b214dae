package runs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/record"
)

// GetTask finds a run, or one task of it: RUN.TASK. task is -1 for the run.
func (p Project) GetTask(name string) (r Run, task int, err error) {
	r, err = p.Get(name)
	if err == nil {
		return r, -1, nil
	}
	head, tail, ok := cutLast(name, ".")
	n, nerr := strconv.Atoi(tail)
	if !ok || nerr != nil || n < 0 || head == "" {
		return r, -1, err
	}
	if r, gerr := p.Get(head); gerr == nil {
		if n > 0 && !r.hasTask(n) {
			return r, -1, &Error{fmt.Sprintf("run %s has no task %d", r.ID, n), "nixbatch status " + r.ID + " lists its tasks"}
		}
		return r, n, nil
	}
	return r, -1, err
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (r Run) hasTask(n int) bool {
	ins, err := r.intents()
	if err != nil || len(ins) == 0 {
		return false
	}
	return slices.ContainsFunc(callsOf(ins[0]), func(c record.Call) bool { return slices.Contains(tasksOf(c), n) })
}

// Remember notes where the project is, for commands about all of a user's
// projects. The note can be lost: the next submission makes it again.
func (p Project) Remember(stateDir string) {
	if stateDir == "" {
		return
	}
	dir := filepath.Join(stateDir, "projects")
	file := filepath.Join(dir, record.HashBytes([]byte(p.Dir))[:24])
	if _, err := os.Lstat(file); err == nil || os.MkdirAll(dir, 0o700) != nil {
		return
	}
	_ = record.WriteBytes(file, []byte(p.Dir+"\n"), 0o600)
}

// Projects are those of the user that are still there, sorted by directory.
// Notes of others are removed.
func Projects(stateDir string) ([]Project, error) {
	dir := filepath.Join(stateDir, "projects")
	entries, err := os.ReadDir(dir)
	if stateDir == "" || errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("projects: %w", err)
	}
	var out []Project
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		p := Project{Dir: strings.TrimSuffix(string(text), "\n")}
		if st, err := os.Stat(p.Dir); err == nil && st.IsDir() {
			out = append(out, p)
		} else if errors.Is(err, os.ErrNotExist) {
			_ = os.Remove(file)
		}
	}
	slices.SortFunc(out, func(a, b Project) int { return strings.Compare(a.Dir, b.Dir) })
	return out, nil
}
