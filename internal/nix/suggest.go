package nix

import (
	"context"
	"encoding/json"
	"errors"
	"sort"
	"strings"

	"github.com/nixbatch/nixbatch/internal/nixlang"
	"github.com/nixbatch/nixbatch/internal/suggest"
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
	plain := ex.env
	plain.OptimizePackages = nil // an overlay of them would have the missing name
	names := expression(plain, "builtins.attrNames (builtins.foldl' (set: name: set.${name}) (packageSet job) "+set+")")
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
		if len(name) < len(word)-limit || len(name) > len(word)+limit {
			continue // of a hundred thousand names, most
		}
		if far := suggest.Distance(strings.ToLower(word), strings.ToLower(name)); far <= limit {
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
