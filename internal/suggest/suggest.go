// Package suggest finds the word that a person most likely meant.
//
// It promises to name none rather than one that is not near.
package suggest

import "strings"

// DidYouMean is a hint naming the word nearest to s, or "" when none is near.
func DidYouMean(s string, words []string) string {
	if w := Nearest(s, words); w != "" {
		return "did you mean " + w + "?"
	}
	return ""
}

// Nearest finds the word of a list that s is a slip of: other case, underscores, dashes
// before it, or up to one wrong letter in three. "" when none is near.
func Nearest(s string, words []string) string {
	plain := func(s string) string {
		return strings.ReplaceAll(strings.TrimLeft(strings.ToLower(s), "-"), "_", "-")
	}
	s = plain(s)
	if len(s) > 64 || s == "" {
		return ""
	}
	best, bestAt := "", len(s)/3+1
	for _, w := range words {
		// A word that is short is near to everything of its length.
		if n := Distance(s, plain(w)); n < bestAt && n < len(w)/2+1 || n == 0 && best == "" {
			best, bestAt = w, n
		}
	}
	return best
}

// Distance counts the letters to change, insert, drop or swap with the next
// one to make b out of a (optimal string alignment), byte by byte.
func Distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
