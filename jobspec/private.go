package jobspec

import (
	"fmt"
	"slices"

	"github.com/nixbatch/nixbatch/internal/suggest"
)

// MaxPrivate is the most different values that the private names of a sweep may
// have: each is looked for in everything that is exported.
const MaxPrivate = 1000

// private reads the names of variables whose values are private; env and the
// sweep were read before.
func (d *decoder) private(where string, n *node, s *Spec) []string {
	var names []string
	for _, e := range s.Env {
		names = append(names, e.Name)
	}
	later := false // the names of a CSV file are not known yet
	if s.Sweep != nil {
		names, later = append(names, s.Sweep.names()...), s.Sweep.CSV != ""
	}
	return d.Texts(where, "name", n, func(name string) (string, string) {
		if slices.Contains(names, name) || later && envRE.MatchString(name) {
			return "", ""
		}
		hint := suggest.DidYouMean(name, names)
		if hint == "" {
			hint = "name a variable of env or of the sweep"
		}
		return "is a name of neither env nor sweep", hint
	})
}

// CheckPrivate tells whether the private names of a job are those of its env or
// of its sweep, whose tasks are given, and have no more values than can be
// looked for.
func CheckPrivate(s *Spec, tasks []Row) error {
	if len(tasks) == 0 {
		return nil
	}
	values := map[string]bool{}
	for _, name := range s.Private {
		if slices.ContainsFunc(s.Env, func(e EnvVar) bool { return e.Name == name }) {
			continue
		}
		if _, ok := tasks[0].Get(name); !ok {
			return &SweepError{fmt.Sprintf("private: %s is a name of neither env nor sweep", shown(name)), suggest.DidYouMean(name, tasks[0].namesOf())}
		}
		for _, t := range tasks {
			v, _ := t.Get(name)
			if values[v] = true; len(values) > MaxPrivate {
				return &SweepError{fmt.Sprintf("private: its names have more than %d different values in the sweep", MaxPrivate),
					"sweep over a number, and read what is private from a file that is no input of the record"}
			}
		}
	}
	return nil
}

func (r Row) namesOf() (out []string) {
	for _, v := range r {
		out = append(out, v.Name)
	}
	return out
}
