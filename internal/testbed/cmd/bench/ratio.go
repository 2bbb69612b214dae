package main

import (
	"fmt"
	"slices"
	"time"
)

// pairs are times measured in turn: b is the yardstick of a.
type pairs struct{ a, b []time.Duration }

func (p *pairs) add(a, b time.Duration) { p.a, p.b = append(p.a, a), append(p.b, b) }

// print tells the times and, pair by pair, their ratio and difference.
func (p pairs) print(nameA, nameB string) {
	a, b := milliseconds(p.a), milliseconds(p.b)
	ratio, diff := make([]float64, len(a)), make([]float64, len(a))
	for i := range a {
		ratio[i], diff[i] = a[i]/b[i], a[i]-b[i]
	}
	fmt.Printf("  %-34s %s ms\n", nameA, spread(a))
	fmt.Printf("  %-34s %s ms\n", nameB, spread(b))
	fmt.Printf("  %-34s %s\n", "ratio, pair by pair", spread(ratio))
	fmt.Printf("  %-34s %s ms\n", "difference, pair by pair", spread(diff))
}

func milliseconds(ds []time.Duration) []float64 {
	out := make([]float64, len(ds))
	for i, d := range ds {
		out[i] = float64(d.Microseconds()) / 1000
	}
	return out
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[n/2]
}

// spread is the median, the smallest and the largest.
func spread(v []float64) string {
	return fmt.Sprintf("%9.2f (%.2f to %.2f, %d runs)", median(v), slices.Min(v), slices.Max(v), len(v))
}
