package compare

import (
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/record/load"
)

// token is what stands for a private value in a redacted record.
var token = lazyre.New(`redacted-[0-9a-f]{32}`)

// alike reports whether two texts that are not the same cannot be told apart: a
// token, whose key is in no export, may stand for anything.
func alike(a, b string) bool {
	pa, pb := token.Split(a, -1), token.Split(b, -1)
	switch {
	case len(pa) == 1 && len(pb) == 1:
		return false
	case len(pa) == 1:
		return fits(pb, a)
	case len(pb) == 1:
		return fits(pa, b)
	}
	// Between their ends either may hold the other's pieces.
	begins, ends := pa[0], pa[len(pa)-1]
	other, last := pb[0], pb[len(pb)-1]
	return (strings.HasPrefix(begins, other) || strings.HasPrefix(other, begins)) &&
		(strings.HasSuffix(ends, last) || strings.HasSuffix(last, ends))
}

// fits reports whether a text has the pieces between tokens, in their order.
func fits(pieces []string, text string) bool {
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, p := range pieces[1 : len(pieces)-1] {
		_, rest, ok := strings.Cut(text, p)
		if !ok {
			return false
		}
		text = rest
	}
	return true
}

// renamed finds, for names that only one side has, the name that the other may
// have for the same: it puts what a has under b's name.
func renamed[V any](a, b map[string]V) map[string]V {
	out := map[string]V{}
	taken := map[string]bool{}
	names := append(sorted(a), sorted(b)...)
	if !slices.ContainsFunc(names, token.MatchString) {
		return a
	}
	for _, n := range names[:len(a)] {
		name := n
		if _, ok := b[n]; !ok {
			for _, m := range names[len(a):] {
				if _, ok := a[m]; !ok && !taken[m] && alike(n, m) {
					name, taken[m] = m, true
					break
				}
			}
		}
		out[name] = a[n]
	}
	return out
}

// oneRun reports whether both are the record of one run, under one seal.
func oneRun(a, b *load.Record) bool {
	return a.Seal != nil && b.Seal != nil && a.Seal.ID == b.Seal.ID
}
