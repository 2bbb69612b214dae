package compare

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
)

func (r *Report) compareNumbers(a, b side) {
	a.numbers = renamed(a.numbers, b.numbers)
	names := map[string]bool{}
	for n := range a.numbers {
		names[n] = true
	}
	for n := range b.numbers {
		names[n] = true
	}
	for _, key := range sorted(names) {
		na, oka := a.numbers[key]
		nb, okb := b.numbers[key]
		if !oka {
			na = facts.Number{Problem: "not declared in the first run"}
		}
		if !okb {
			nb = facts.Number{Problem: "not declared in the second run"}
		}
		file, where, _ := strings.Cut(key, "\x00")
		n := pair(na, nb)
		n.File, n.Where = file, where
		r.Numbers = append(r.Numbers, n)
		if !n.Agree {
			d := Difference{Kind: "number", What: file + ": " + where, A: num(na, n.A), B: num(nb, n.B)}
			r.Differences = append(r.Differences, d)
		}
	}
}

func num(n facts.Number, v float64) string {
	if n.Problem != "" {
		return n.Problem
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
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
		off := math.Abs(x - y)
		allowed := math.Max(a.Abs, a.Rel*math.Max(math.Abs(x), math.Abs(y)))
		if off-allowed > worst {
			worst = off - allowed
			n.A, n.B, n.Off, n.Allowed = x, y, off, allowed
		}
		n.Agree = n.Agree && off <= allowed
	}
	return n
}
