package compare

import (
	"cmp"
	"fmt"
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

// place is one declared number of one task.
type place struct{ task, name, file, where string }

// place is where a number stands; one without a name is known by its file and by
// how it is found.
func (t tasks) place(task, i int, n facts.Number) place {
	key := fmt.Sprintf("%09d", task)
	if task < len(t.keys) {
		key = t.keys[task]
	}
	if n.Name != "" {
		return place{task: key, name: n.Name}
	}
	return place{key, "", n.Place(), n.Pattern + n.JSON + n.Column}
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
		key := strings.Join(words, "\x00")
		t.keys = append(t.keys, key)
		t.of[key] = i
	}
	if len(t.of) < len(rows) { // two tasks with the same values
		t.keys = nil
	}
	return t, nil
}

func sameNames(a, b string) bool {
	names := func(key string) string {
		var out []string
		for w := range strings.SplitSeq(key, "\x00") {
			name, _, _ := strings.Cut(w, "=")
			out = append(out, name)
		}
		return strings.Join(out, "\x00")
	}
	return names(a) == names(b)
}

// numbers compares what the tasks that both have declare.
func (r *Report) numbers(a, b side) {
	all := map[place]bool{}
	for p := range a.numbers {
		all[p] = true
	}
	for p := range b.numbers {
		all[p] = true
	}
	var pairs []both
	for p := range all {
		na, oka := a.numbers[p]
		nb, okb := b.numbers[p]
		one := cmp.Or(na.Place(), nb.Place())
		if !oka {
			na = facts.Number{Look: nb.Look, Problem: "not declared in the first run"}
		}
		if !okb {
			nb = facts.Number{Look: na.Look, Problem: "not declared in the second run"}
		}
		n := pair(na, nb)
		n.Name, n.Unit, n.Where = na.Name, na.Unit, na.Pattern+na.JSON+na.Column
		n.Task, n.Values = a.tasks.find(p.task)
		if !oka {
			n.Task, n.Values = b.tasks.find(p.task)
		}
		n.File, n.place, n.paths = one, one, append(slices.Clone(na.Files), one)
		if n.Task > 0 {
			n.File = fmt.Sprintf("task %d: %s", n.Task, one)
		}
		pairs = append(pairs, both{n, p, na, nb})
	}
	slices.SortFunc(pairs, func(x, y both) int {
		return cmp.Or(cmp.Compare(y.rank(), x.rank()), cmp.Compare(x.at.task, y.at.task),
			cmp.Compare(x.at.name, y.at.name), cmp.Compare(x.at.file+"\x00"+x.at.where, y.at.file+"\x00"+y.at.where))
	})
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
	at   place
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
	task, ok := t.of[key]
	if !ok {
		_, _ = fmt.Sscanf(key, "%d", &task) // see place
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
