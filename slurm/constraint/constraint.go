// Package constraint reads what --constraint of sbatch(1) says about the features
// of nodes: "(haswell|zen4)&ib".
//
// It promises to let no node out that slurmctld might take, and to refuse what it
// cannot read.
package constraint

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

var errNone = errors.New("not a constraint that sbatch takes")

// Match reports whether a node with these features can take part in a
// job of at least this many nodes with this constraint: --constraint of
// sbatch(1), read from left to right with & and | of equal rank, as slurmctld
// does.
//
// In square brackets, alternatives count as "or": which of them all nodes share
// is decided later. A count (feature*2) asks that many nodes for the feature and
// nothing of the others, of which there are some only if the job has more nodes;
// in brackets with counts each part takes nodes of its own.
func Match(expr string, features []string, nodes int) (bool, error) {
	p := &reader{rest: expr, features: features, nodes: nodes}
	ok, _, err := p.list(0)
	if err == nil && p.rest != "" {
		err = errNone
	}
	return ok, err
}

type reader struct {
	rest     string
	features []string
	nodes    int
}

// list reads terms up to the closing bracket; counted says that one of them has
// a count.
func (p *reader) list(closing byte) (val, counted bool, err error) {
	val, counted, err = p.term(closing)
	either := val // some term holds
	for err == nil && p.rest != "" && p.rest[0] != closing {
		op := p.rest[0]
		if op != '&' && op != ',' && op != '|' {
			return false, false, errNone
		}
		if p.rest = p.rest[1:]; p.rest == "" {
			break // slurmctld overlooks an operator at the end
		}
		var next, n bool
		next, n, err = p.term(closing)
		counted, either = counted || n, either || next
		if op == '|' {
			val = val || next
		} else {
			val = val && next
		}
	}
	if closing == ']' && counted {
		val = either
	}
	return val, counted, err
}

func (p *reader) term(within byte) (val, counted bool, err error) {
	switch {
	case p.rest == "":
		return false, false, errNone
	case p.rest[0] == '(' || p.rest[0] == '[':
		closing := byte(')')
		if p.rest[0] == '[' {
			closing = ']'
		}
		p.rest = p.rest[1:]
		if val, counted, err = p.list(closing); err != nil || p.rest == "" {
			return false, false, errNone
		}
		p.rest = p.rest[1:]
	default:
		end := strings.IndexAny(p.rest, "&|,()[]*")
		if end < 0 {
			end = len(p.rest)
		}
		word := p.rest[:end]
		if word == "" {
			return false, false, errNone
		}
		p.rest = p.rest[end:]
		val = slices.Contains(p.features, word)
	}
	if rest, ok := strings.CutPrefix(p.rest, "*"); ok {
		p.rest = strings.TrimLeft(rest, "0123456789")
		n, err := strconv.Atoi(rest[:len(rest)-len(p.rest)])
		if err != nil || n < 1 {
			return false, false, errNone
		}
		// Inside of brackets the counts are all the nodes that there are.
		val, counted = val || within == 0 && n < p.nodes, true
	}
	return val, counted, nil
}
