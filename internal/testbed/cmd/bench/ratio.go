package main

import (
	"fmt"
	"maps"
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

// against tells how many times its floor something took, pair by pair.
func (p pairs) against(floor pairs) {
	ratio := make([]float64, len(p.a))
	for i := range ratio {
		ratio[i] = p.a[i].Seconds() / floor.a[i].Seconds()
	}
	fmt.Printf("  %-34s %s\n", "nixbatch against the floor", spread(ratio))
}

// goal is how many times the yardstick something may take.
type goal struct {
	p    pairs
	most float64
}

// goals says of each whether the median of its ratios meets it.
func goals(all map[string]goal) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		g, verdict := all[name], "met"
		if g.p.median() > g.most {
			verdict = "not met"
		}
		fmt.Printf("  goal: %s at most %.1f times: %s (%.2f)\n", name, g.most, verdict, g.p.median())
	}
}

// median is that of the ratios.
func (p pairs) median() float64 {
	ratios := make([]float64, len(p.a))
	for i := range ratios {
		ratios[i] = p.a[i].Seconds() / p.b[i].Seconds()
	}
	return median(ratios)
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
