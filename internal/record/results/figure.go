package results

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plot"
	"github.com/nixbatch/nixbatch/internal/suggest"
)

// MostSeries is how many lines a picture may have: more cannot be told apart.
const MostSeries = 7

// Figure draws the numbers over a value of the sweep, or over the tasks: x is its
// name, "task", or "" for the first value of the sweep that is a number and is not
// the same in all tasks. Tasks whose other values differ are lines of their own. Of
// a number that has several values, the last is drawn.
func (t *Table) Figure(x string) (plot.Figure, error) {
	at, err := t.axis(x)
	if err != nil {
		return plot.Figure{}, err
	}
	f := plot.Figure{Title: t.RunID, X: "task"}
	if at >= 0 {
		f.X = t.Sweep[at]
	}
	if len(t.Numbers) == 0 {
		return f, fault.New("there is nothing to draw: the job file names no numbers", "name them under numbers: in the job file")
	}
	lines := t.lines(at)
	if len(lines) > MostSeries {
		return f, fault.New(fmt.Sprintf("%d combinations of other values are too many lines for a picture", len(lines)), "nixbatch results --csv, for another program; or --x=task")
	}
	left := 0
	for i, c := range t.Numbers {
		p := plot.Panel{Y: c.Title()}
		for _, l := range lines {
			s := plot.Series{Name: l.name}
			for _, k := range l.tasks {
				y := math.NaN()
				if v := k.Numbers[i].Values; len(v) > 0 {
					y = float64(v[len(v)-1])
				}
				if math.IsNaN(y) || math.IsInf(y, 0) {
					left++
				}
				s.Points = append(s.Points, plot.Point{X: xOf(k, at), Y: y})
			}
			p.Series = append(p.Series, s)
		}
		f.Panels = append(f.Panels, p)
	}
	if left > 0 {
		f.Note = fmt.Sprintf("%d of %d numbers are missing or not finite, and not drawn", left, len(t.Numbers)*len(t.Tasks))
	}
	return f, nil
}

// axis is the value of the sweep that a name means; -1 is the task.
func (t *Table) axis(x string) (int, error) {
	switch i := slices.Index(t.Sweep, x); {
	case x == "task":
		return -1, nil
	case x == "":
		for i := range t.Sweep {
			same := !slices.ContainsFunc(t.Tasks, func(k Task) bool { return k.Values[i] != t.Tasks[0].Values[i] })
			if t.numeric(i) && !same {
				return i, nil
			}
		}
		return -1, nil
	case i < 0:
		return 0, fault.New(fmt.Sprintf("the sweep has no name %q", x), suggest.DidYouMean(x, append([]string{"task"}, t.Sweep...)))
	case !t.numeric(i):
		return 0, fault.New(fmt.Sprintf("the values of %s are not all numbers", x), "--x=task")
	default:
		return i, nil
	}
}

func (t *Table) numeric(i int) bool {
	return !slices.ContainsFunc(t.Tasks, func(k Task) bool { return math.IsNaN(xOf(k, i)) })
}

// xOf is where a task stands on the axis; NaN where its value is no number.
func xOf(k Task, at int) float64 {
	if at < 0 {
		return float64(k.Task)
	}
	v, err := strconv.ParseFloat(k.Values[at], 64)
	if err != nil || math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// row is tasks that differ in the axis alone, sorted by it.
type row struct {
	name  string
	tasks []Task
}

func (t *Table) lines(at int) (out []row) {
	where := map[string]int{}
	for _, k := range t.Tasks {
		var words []string
		for i, v := range k.Values {
			if i != at && at >= 0 {
				words = append(words, t.Sweep[i]+"="+v)
			}
		}
		name := strings.Join(words, " ")
		i, ok := where[name]
		if !ok {
			i = len(out)
			where[name] = i
			out = append(out, row{name: name})
		}
		out[i].tasks = append(out[i].tasks, k)
	}
	if len(out) == 1 {
		out[0].name = "" // there is nothing to tell it from
	}
	for _, l := range out {
		slices.SortStableFunc(l.tasks, func(a, b Task) int {
			switch x, y := xOf(a, at), xOf(b, at); {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
	}
	return out
}
