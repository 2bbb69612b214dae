package seal

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
)

// numbered lists the entries of a directory whose names are prefix and a
// number, sorted by it.
func numbered(dir, prefix, suffix string) ([]int, error) {
	entries, err := durable.List(dir)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, e := range entries {
		text := strings.TrimSuffix(strings.TrimPrefix(e.Name(), prefix), suffix)
		if n, err := strconv.Atoi(text); err == nil && prefix+strconv.Itoa(n)+suffix == e.Name() {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// found is a numbered name and the directory that has it, by its place in a list.
type found struct{ n, in int }

// numberedIn is the names of several directories, sorted by their numbers.
func numberedIn(dir string, below []string, suffix string) ([]found, error) {
	var out []found
	for i, d := range below {
		all, err := numbered(filepath.Join(dir, d), "", suffix)
		if err != nil {
			return nil, err
		}
		for _, n := range all {
			out = append(out, found{n, i})
		}
	}
	slices.SortFunc(out, func(a, b found) int { return cmp.Or(a.n-b.n, a.in-b.in) })
	return out, nil
}

// TaskFiles calls each for every file that a run's tasks left, by task, attempt
// and name; a task's log comes after its attempts.
func TaskFiles(dir string, each func(name string) error) error {
	ranges, err := below(dir, "tasks", false)
	if err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	tasks, err := numberedIn(dir, ranges, "")
	if err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	logDirs, err := below(dir, "logs", true)
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	logDirs = append([]string{"logs"}, logDirs...)
	logs, err := numberedIn(dir, logDirs, ".log")
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	for len(tasks)+len(logs) > 0 {
		var at, log found
		switch {
		case len(logs) == 0 || len(tasks) > 0 && tasks[0].n < logs[0].n:
			at, tasks = take(tasks)
			err = taskFiles(dir, path.Join(ranges[at.in], strconv.Itoa(at.n)), each)
		case len(tasks) == 0 || logs[0].n < tasks[0].n:
			log, logs = take(logs)
			err = each(path.Join(logDirs[log.in], strconv.Itoa(log.n)+".log"))
		default:
			at, tasks = take(tasks)
			log, logs = take(logs)
			if err = taskFiles(dir, path.Join(ranges[at.in], strconv.Itoa(at.n)), each); err == nil {
				err = each(path.Join(logDirs[log.in], strconv.Itoa(log.n)+".log"))
			}
		}
		if err != nil {
			return err
		}
	}
	const common = "logs/slurm.log" // of all tasks of a sweep
	return eachIf(dir, common, each)
}

// eachIf calls each for a file that is there.
func eachIf(dir, name string, each func(string) error) error {
	there, err := durable.There(filepath.Join(dir, name))
	if err != nil || !there {
		return err
	}
	return each(name)
}

// take takes the first number off a list. Of a number that is in several
// directories the last one counts.
func take(list []found) (found, []found) {
	n := 1
	for n < len(list) && list[n].n == list[0].n {
		n++
	}
	return list[n-1], list[n:]
}

// taskFiles calls each for the files of one task.
func taskFiles(dir, base string, each func(name string) error) error {
	attempts, err := numbered(filepath.Join(dir, base), "attempt-", "")
	if err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	for _, n := range attempts {
		for _, f := range []string{facts.StartFile, facts.EndFile} {
			name := path.Join(base, "attempt-"+strconv.Itoa(n), f)
			if err := eachIf(dir, name, each); err != nil {
				return err
			}
		}
	}
	return nil
}

// below is the directories in one of a run's; there may be none.
func below(dir, name string, only bool) ([]string, error) {
	entries, err := durable.List(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !only || e.IsDir() {
			out = append(out, path.Join(name, e.Name()))
		}
	}
	return out, nil
}
