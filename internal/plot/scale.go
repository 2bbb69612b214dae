package plot

import (
	"math"
	"strconv"
)

// scale maps low to high onto from to to.
type scale struct{ low, high, from, to float64 }

// rangeOf is the scale of what the points have; of none, and of one value alone,
// it is one that shows something.
func rangeOf(points []Point, of func(Point) float64) scale {
	s := scale{low: math.Inf(1), high: math.Inf(-1)}
	for _, p := range points {
		s.low, s.high = math.Min(s.low, of(p)), math.Max(s.high, of(p))
	}
	switch {
	case s.low > s.high:
		return scale{low: 0, high: 1}
	case s.low == s.high:
		d := math.Max(math.Abs(s.low)*0.05, math.SmallestNonzeroFloat64*1e6)
		if s.low == 0 {
			d = 1
		}
		return scale{low: s.low - d, high: s.high + d}
	}
	d := s.high/20 - s.low/20 // divided first: the difference may be too large
	return scale{low: math.Max(s.low-d, -math.MaxFloat64), high: math.Min(s.high+d, math.MaxFloat64)}
}

func (s scale) at(v float64) float64 {
	return s.from + (v/2-s.low/2)/(s.high/2-s.low/2)*(s.to-s.from)
}

// step is between ticks: 1, 2 or 5 times a power of ten, for about five of them.
func (s scale) step() float64 {
	rough := s.high/5 - s.low/5
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if rough <= m*power {
			return m * power
		}
	}
	return 10 * power
}

func (s scale) ticks() (out []float64) {
	step := s.step()
	for i := math.Ceil(s.low / step); i*step <= s.high && len(out) < 12; i++ {
		out = append(out, i*step)
	}
	return out
}

// text is a tick with no more digits than tell it from the next.
func (s scale) text(v float64) string {
	step := s.step()
	if math.Abs(v) < step/1000 {
		return "0"
	}
	digits := int(math.Ceil(math.Log10(math.Max(math.Abs(s.low), math.Abs(s.high))/step))) + 1
	return strconv.FormatFloat(v, 'g', max(min(digits, 17), 1), 64)
}
