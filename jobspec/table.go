package jobspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/csvtable"
	"github.com/nixbatch/nixbatch/internal/paths"
)

// MaxTasks is the most tasks that one sweep may have.
const MaxTasks = 1_000_000

// SweepError says what is wrong with the table of a sweep.
type SweepError struct{ Message, Way string }

func (e *SweepError) Error() string { return e.Message }

// Hint is the way out.
func (e *SweepError) Hint() string { return e.Way }

// Tasks is the table of tasks: every row (of Rows, or of the CSV file whose
// content is given) with every combination of the matrix, whose last name turns
// fastest, without what is excluded. A task's number is its place in it, from 0.
func (s *Sweep) Tasks(csvData []byte) ([]Row, error) {
	rows := s.Rows
	if s.CSV != "" {
		var err error
		if rows, err = readCSV(s.CSV, csvData); err != nil {
			return nil, err
		}
		for _, a := range s.Matrix {
			if _, twice := rows[0].Get(a.Name); twice {
				return nil, &SweepError{fmt.Sprintf("sweep: %s is in matrix, and a column of %s", a.Name, s.CSV), "keep one of them"}
			}
		}
	}
	if len(rows) == 0 {
		rows = []Row{{}}
	}
	total := len(rows)
	for _, a := range s.Matrix {
		if total *= len(a.Values); total > MaxTasks {
			return nil, &SweepError{fmt.Sprintf("sweep: more than %d tasks", MaxTasks), "make several jobs of it"}
		}
	}
	if total > MaxTasks {
		return nil, &SweepError{fmt.Sprintf("sweep: more than %d tasks", MaxTasks), "make several jobs of it"}
	}
	hits := make([]int, len(s.Exclude))
	out := make([]Row, 0, total)
	for _, r := range rows {
		for c := range total / len(rows) {
			task := combine(r, s.Matrix, c)
			if i := slices.IndexFunc(s.Exclude, task.matches); i >= 0 {
				hits[i]++
				continue
			}
			out = append(out, task)
		}
	}
	for i, n := range hits {
		// One that an earlier one covers is idle, too: nobody meant that.
		if n == 0 {
			return nil, &SweepError{fmt.Sprintf("sweep.exclude: %s leaves out no task", s.Exclude[i]), "compare its names and values, or remove it"}
		}
	}
	if len(out) == 0 {
		return nil, &SweepError{"sweep: every task is excluded", ""}
	}
	return out, nil
}

// combine is the row and the c-th combination of the matrix.
func combine(r Row, m []Axis, c int) Row {
	out := make(Row, len(r)+len(m))
	copy(out, r)
	for i := len(m) - 1; i >= 0; i-- {
		n := len(m[i].Values)
		out[len(r)+i] = EnvVar{m[i].Name, m[i].Values[c%n]}
		c /= n
	}
	return out
}

// matches tells whether the task has all values of an exclusion.
func (r Row) matches(exclude Row) bool {
	for _, e := range exclude {
		if v, ok := r.Get(e.Name); !ok || v != e.Value {
			return false
		}
	}
	return true
}

// String is NAME=VALUE, with spaces between.
func (r Row) String() string {
	words := make([]string, len(r))
	for i, v := range r {
		words[i] = v.Name + "=" + v.Value
	}
	return strings.Join(words, " ")
}

// readCSV reads the rows of a CSV file.
func readCSV(file string, data []byte) ([]Row, error) {
	names, lines, bad := csvtable.Read(data, MaxTasks, func(name string) (string, string) {
		problem, hint := checkSweepName(name)
		if problem != "" {
			problem = shown(name) + " " + problem
		}
		return problem, hint
	})
	switch {
	case bad != nil && bad.Line == 0:
		return nil, &SweepError{fmt.Sprintf("sweep: more than %d tasks", MaxTasks), "make several jobs of it"}
	case bad != nil:
		return nil, &SweepError{fmt.Sprintf("%s:%d: %s", file, bad.Line, bad.Message), bad.Way}
	}
	rows := make([]Row, len(lines))
	for k, fields := range lines {
		rows[k] = make(Row, len(fields))
		for i, f := range fields {
			rows[k][i] = EnvVar{names[i], f}
		}
	}
	return rows, nil
}

// Input is an input's name for one task: {NAME} is replaced by the value.
func (r Row) Input(name string) string {
	return placeRE.ReplaceAllStringFunc(name, func(m string) string {
		if v, ok := r.Get(m[1 : len(m)-1]); ok {
			return v
		}
		return m
	})
}

// Output is an output's pattern for one task. A value stands for itself there,
// whatever characters it has. What would lead out of the job's directory is an
// error.
func (r Row) Output(pattern string) (string, error) {
	out := placeRE.ReplaceAllStringFunc(pattern, func(m string) string {
		if v, ok := r.Get(m[1 : len(m)-1]); ok {
			return escapeGlob(v)
		}
		return m
	})
	if out != pattern {
		if problem, hint := paths.Output(out); problem != "" {
			return "", &SweepError{fmt.Sprintf("outputs: %s, with %s, %s", shown(pattern), r, problem), hint}
		}
	}
	return out, nil
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`).Replace(s)
}

// Places are the names of the sweep that a file's name has places for.
func Places(name string) []string {
	var out []string
	for _, m := range placeRE.FindAllStringSubmatch(name, -1) {
		out = append(out, m[1])
	}
	return out
}
