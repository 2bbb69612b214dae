package compare_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/jobspec"
)

// rows are tasks of a sweep over T.
func rows(values ...int) (out []jobspec.Row) {
	for _, v := range values {
		out = append(out, jobspec.Row{{Name: "T", Value: fmt.Sprint(v)}})
	}
	return out
}

// sweep is a run with an energy a task.
func sweep(tasks []jobspec.Row, energy func(task int) facts.Number) recordtest.Options {
	return recordtest.Options{Tasks: len(tasks), Sweep: tasks, Numbers: func(task int) []facts.Number {
		n := energy(task)
		n.Look = facts.Look{Name: "energy", Unit: "Eh", File: "water.out", Pattern: "x", Abs: 1e-6}
		return []facts.Number{n}
	}}
}

func one(v float64) facts.Number { return facts.Number{Values: []facts.Float{facts.Float(v)}} }

// Of two sweeps the counts come first, then the largest deviations; a task is
// known by its values, wherever it stands; people are shown ten lines of a kind.
func TestSweeps(t *testing.T) {
	var a, b []int
	for i := range 30 {
		a, b = append(a, i), append(b, 30-i) // 1 to 29 are in both
	}
	first := sweep(rows(a...), func(task int) facts.Number { return one(-100) })
	second := sweep(rows(b...), func(task int) facts.Number {
		v := 30 - task
		switch {
		case v == 7:
			return one(math.NaN())
		case v == 8:
			return facts.Number{Values: []facts.Float{}, Problem: "nothing there fits"}
		case v <= 20:
			return one(-100 - float64(v)/1000)
		}
		return one(-100 - 1e-7*float64(v-20))
	})
	rep := runs(t, first, second)
	want := compare.Counts{Tasks: 29, OnlyA: 1, OnlyB: 1, Numbers: 31, Agree: 9, Differ: 19, Missing: 3}
	if rep.Counts == nil || *rep.Counts != want {
		t.Fatalf("%+v", rep.Counts)
	}
	if n := rep.Numbers[0]; n.Values != "T=7" || !math.IsNaN(float64(n.B)) || n.Agree {
		t.Errorf("%+v", n)
	}
	if n := rep.Numbers[1]; n.Values != "T=20" || n.Task != 20 || n.Agree || math.Abs(float64(n.Off)-0.02) > 1e-9 {
		t.Errorf("%+v", n)
	}
	if n := rep.Numbers[len(rep.Numbers)-1]; !n.Agree || n.Values != "T=21" {
		t.Errorf("%+v", n)
	}
	var text bytes.Buffer
	rep.Text(&text)
	for _, part := range []string{
		"  tasks    29 in both, 1 only in the first, 1 only in the second\n  numbers  31 compared: 19 differ, 3 missing, 9 agree\n",
		"task 29 (T=29): water.out: energy: -100 and -100.0000009 Eh agree", "and 8 more agree, and are no further apart",
		"  number   task 7 (T=7): water.out: energy: -100, then NaN\n  number   task 20 (T=20): water.out: energy: -100, then -100.02\n",
		"  number   and 12 more; --json has all\n",
	} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("%q is not in\n%s", part, text.String())
		}
	}
	if n := strings.Count(text.String(), "then"); n > 30 {
		t.Errorf("%d lines:\n%s", n, text.String())
	}
}

// NaN agrees with NaN, and what is infinite with its equal alone, whatever the
// tolerance.
func TestNotFinite(t *testing.T) {
	inf := math.Inf(1)
	for _, tc := range []struct {
		a, b  float64
		agree bool
	}{{math.NaN(), math.NaN(), true}, {inf, inf, true}, {inf, -inf, false}, {inf, 1, false}, {1, math.NaN(), false}, {math.NaN(), inf, false}, {0, 0, true}, {math.MaxFloat64, -math.MaxFloat64, false}} {
		of := func(v float64) recordtest.Options {
			return recordtest.Options{Numbers: func(int) []facts.Number {
				n := one(v)
				n.File, n.Pattern, n.Rel = "water.out", "x", 0.5
				return []facts.Number{n}
			}}
		}
		rep := runs(t, of(tc.a), of(tc.b))
		if n := rep.Numbers[0]; n.Agree != tc.agree {
			t.Errorf("%v and %v: %+v", tc.a, tc.b, n)
		}
	}
}
