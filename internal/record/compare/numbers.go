package compare

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/load"
)

// Number is one declared number, or a row of them.
type Number struct {
	Name    string      `json:"name,omitempty"`
	Unit    string      `json:"unit,omitempty"`
	Task    int         `json:"task,omitempty"`   // of the first run
	Values  string      `json:"values,omitempty"` // of the sweep, in that task
	File    string      `json:"file"`             // with "task N: " before it, for a task that is not the first
	Where   string      `json:"where"`            // pattern, path or column
	Count   int         `json:"count"`
	A       facts.Float `json:"a"` // the pair that is furthest apart
	B       facts.Float `json:"b"`
	Off     facts.Float `json:"difference"`
	Allowed facts.Float `json:"allowed"`
	Agree   bool        `json:"agree"`
	Problem string      `json:"problem,omitempty"`

	place string   // the file, or "log"
	paths []string // the outputs that it was found in
}

// Counts sums up two sweeps.
type Counts struct {
	Tasks   int `json:"tasks"` // that both have
	OnlyA   int `json:"only_a"`
	OnlyB   int `json:"only_b"`
	Numbers int `json:"numbers"` // that both declare, of those tasks
	Agree   int `json:"agree"`
	Differ  int `json:"differ"`
	Missing int `json:"missing"` // in one of them, or in both
}

// tasks says which tasks of two runs are the same: those with the same values of
// their sweeps, or, where those cannot tell, with the same number.
type tasks struct {
	keys   []string // by task; nil: numbers tell
	values []string // by task, for people
	of     map[string]int
}

// key names a declared number of a task: the task, then its name, or its file and
// how it is found. Keys sort by task.
func (t tasks) key(task int, n facts.Number) string {
	key := fmt.Sprintf("%09d", task)
	if task < len(t.keys) {
		key = t.keys[task]
	}
	if n.Name != "" {
		return key + "\x00" + n.Name
	}
	return key + "\x00\x00" + n.Place() + "\x00" + n.Pattern + n.JSON + n.Column
}

// bothTasks are the tasks of two runs.
func bothTasks(a, b *load.Record) (ta, tb tasks, err error) {
	if ta, err = tasksOf(a); err == nil {
		tb, err = tasksOf(b)
	}
	if ta.keys == nil || tb.keys == nil || !sameNames(ta.keys[0], tb.keys[0]) {
		ta.keys, tb.keys = nil, nil
	}
	return ta, tb, err
}

func tasksOf(r *load.Record) (tasks, error) {
	t := tasks{of: map[string]int{}}
	names, rows, err := r.Rows()
	if err != nil || len(rows) == 0 {
		return t, err
	}
	for i, row := range rows {
		words := make([]string, len(row))
		for k, v := range row {
			words[k] = names[k] + "=" + v
		}
		t.values = append(t.values, strings.Join(words, " "))
		slices.Sort(words)
		key := strings.Join(words, "\x01")
		t.keys = append(t.keys, key)
		t.of[key] = i
	}
	// Two tasks with the same values, or values that a redacted record lacks.
	if len(t.of) < len(rows) || slices.ContainsFunc(t.keys, token.MatchString) {
		t.keys = nil
	}
	return t, nil
}

// sameNames reports whether two tasks have values of the same names.
func sameNames(a, b string) bool {
	names := func(key string) string {
		var out []string
		for w := range strings.SplitSeq(key, "\x01") {
			name, _, _ := strings.Cut(w, "=")
			out = append(out, name)
		}
		return strings.Join(out, "\x01")
	}
	return names(a) == names(b)
}

// compareNumbers compares what the tasks that both have declare.
func (r *Report) compareNumbers(a, b side) {
	a.numbers = renamed(a.numbers, b.numbers)
	all := maps.Clone(a.numbers)
	maps.Copy(all, b.numbers)
	var pairs []both
	for key := range all {
		na, oka := a.numbers[key]
		nb, okb := b.numbers[key]
		of := a.tasks
		if !oka {
			na, of = facts.Number{Look: nb.Look, Problem: "not declared in the first run"}, b.tasks
		}
		if !okb {
			nb = facts.Number{Look: na.Look, Problem: "not declared in the second run"}
		}
		n := pair(na, nb)
		n.Name, n.Unit, n.Where = na.Name, na.Unit, na.Pattern+na.JSON+na.Column
		n.Task, n.Values = of.find(key)
		n.File, n.place, n.paths = na.Place(), na.Place(), append(slices.Clone(na.Files), na.Place())
		if n.Task > 0 {
			n.File = fmt.Sprintf("task %d: %s", n.Task, n.place)
		}
		pairs = append(pairs, both{n, key, na, nb})
	}
	slices.SortFunc(pairs, func(x, y both) int { return cmp.Or(cmp.Compare(y.rank(), x.rank()), strings.Compare(x.key, y.key)) })
	for _, p := range pairs {
		r.Numbers = append(r.Numbers, p.Number)
		if !p.Agree {
			r.Differences = append(r.Differences, Difference{Kind: "number", What: p.task() + ": " + cmp.Or(p.Name, p.Where), A: num(p.a, p.A), B: num(p.b, p.B)})
		}
	}
}

// both is a number with what each run has of it.
type both struct {
	Number
	key  string
	a, b facts.Number
}

// rank is how far apart two numbers are, relative to the larger: units differ,
// and what has no size cannot be told apart otherwise. Missing ones come between
// those that differ and those that agree.
func (p both) rank() float64 {
	off := float64(p.Off)
	switch {
	case p.Problem != "":
		return 0
	case off != 0 && facts.Float(off).Finite():
		off /= math.Max(math.Abs(float64(p.A)), math.Abs(float64(p.B)))
	case off != 0:
		off = math.MaxFloat64
	}
	if p.Agree {
		return -1 / (1 + off) // the furthest apart first, here too
	}
	return off
}

// find is the task of a key, and its values.
func (t tasks) find(key string) (task int, values string) {
	key, _, _ = strings.Cut(key, "\x00")
	task, ok := t.of[key]
	if !ok {
		_, _ = fmt.Sscanf(key, "%d", &task) // see key
	}
	if task < len(t.values) {
		values = t.values[task]
	}
	return task, values
}

// num is a number of one side for people, or why there is none.
func num(n facts.Number, v facts.Float) string {
	if n.Problem != "" {
		return n.Problem
	}
	return v.String()
}

// pair compares two rows of numbers by the tolerances of the first.
func pair(a, b facts.Number) Number {
	n := Number{Count: len(a.Values), Agree: true, Problem: cmp.Or(a.Problem, b.Problem)}
	if n.Problem == "" && len(a.Values) != len(b.Values) {
		n.Problem = fmt.Sprintf("%d numbers in one, %d in the other", len(a.Values), len(b.Values))
	}
	if n.Problem != "" {
		n.Agree = false
		return n
	}
	worst := math.Inf(-1)
	for i, x := range a.Values {
		y := b.Values[i]
		off, allowed := apart(float64(x), float64(y), a.Look)
		if off-allowed > worst {
			worst = off - allowed
			n.A, n.B, n.Off, n.Allowed = x, y, facts.Float(off), facts.Float(allowed)
		}
		n.Agree = n.Agree && off <= allowed
	}
	return n
}

// apart is how far two numbers are apart, and may be. NaN is like NaN alone, and
// what is infinite like its equal.
func apart(x, y float64, by facts.Look) (off, allowed float64) {
	switch {
	case math.IsNaN(x) && math.IsNaN(y) || x == y:
		off = 0
	case !facts.Float(x).Finite() || !facts.Float(y).Finite():
		return math.Inf(1), 0
	default:
		off = math.Abs(x - y)
	}
	if facts.Float(x).Finite() {
		allowed = math.Max(by.Abs, by.Rel*math.Max(math.Abs(x), math.Abs(y)))
	}
	return off, allowed
}

// count sums two sweeps up.
func (r *Report) count(a, b side) {
	if a.Plan.Sweep == nil || b.Plan.Sweep == nil {
		return
	}
	c := &Counts{}
	r.Counts = c
	if na, nb := len(a.tasks.values), len(b.tasks.values); a.tasks.keys == nil {
		c.Tasks, c.OnlyA, c.OnlyB = min(na, nb), max(na-nb, 0), max(nb-na, 0)
	} else {
		for key := range a.tasks.of {
			if _, ok := b.tasks.of[key]; ok {
				c.Tasks++
			}
		}
		c.OnlyA, c.OnlyB = na-c.Tasks, nb-c.Tasks
	}
	for _, n := range r.Numbers {
		c.Numbers++
		switch {
		case n.Agree:
			c.Agree++
		case n.Problem != "":
			c.Missing++
		default:
			c.Differ++
		}
	}
}
