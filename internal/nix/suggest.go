package nix

import (
	"context"
	"encoding/json"
	"errors"
	"sort"
	"strings"

	"github.com/nixbatch/nixbatch/internal/nixlang"
)

const maxSuggestions = 3

// suggest looks up what else a package that is missing could have been: the
// names of the set it was looked for in. It costs one more evaluation, and only
// after an error; should that fail too, there are just no suggestions.
func (n *Nix) suggest(ctx context.Context, ex Expr, err error) error {
	var mp *MissingPackage
	var e *Error
	if !errors.As(err, &mp) || !errors.As(err, &e) || mp.NotPackage {
		return err
	}
	parts := nixlang.SplitAttr(mp.Name)
	set, serr := nixlang.QuoteValue(parts[:len(parts)-1], "  ")
	if serr != nil {
		return err
	}
	names := expression(ex.env, "builtins.attrNames (builtins.foldl' (set: name: set.${name}) (packageSet job) "+set+")")
	stdout, serr := n.evaluate(ctx, names, jsonArgs)
	var have []string
	if serr != nil || json.Unmarshal(stdout, &have) != nil {
		return err
	}
	prefix := strings.Join(append(parts[:len(parts)-1:len(parts)-1], ""), ".")
	for _, near := range nearest(parts[len(parts)-1], have) {
		mp.Suggestions = append(mp.Suggestions, prefix+near)
	}
	e.Way = or(mp.Hint(), "look for it in the pinned package set: names are attribute paths, such as python3Packages.numpy")
	return e
}

// nearest are the names a person may have meant, nearest first.
func nearest(word string, names []string) []string {
	type hit struct {
		name string
		far  int
	}
	limit := 1 + len(word)/4
	var hits []hit
	for _, name := range names {
		far := distance(strings.ToLower(word), strings.ToLower(name), limit)
		if far <= limit {
			hits = append(hits, hit{name, far})
		}
	}
	sort.Slice(hits, func(i, j int) bool {
		if hits[i].far != hits[j].far {
			return hits[i].far < hits[j].far
		}
		return hits[i].name < hits[j].name
	})
	var out []string
	for _, h := range hits[:min(len(hits), maxSuggestions)] {
		out = append(out, h.name)
	}
	return out
}

// distance is the number of letters to insert, delete, replace or swap with
// their neighbour (optimal string alignment); limit+1 if it is surely more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	two, one := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(one[j]+1, row[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
		two, one = one, row
	}
	return one[len(b)]
}
