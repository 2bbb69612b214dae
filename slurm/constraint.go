package slurm

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

var errConstraint = errors.New("not a constraint that sbatch takes")

// MatchConstraint reports whether a node with these features can take part in a
// job of at least this many nodes with this constraint: --constraint of
// sbatch(1), read from left to right with & and | of equal rank, as slurmctld
// does.
//
// In square brackets, alternatives count as "or": which of them all nodes share
// is decided later. A count (feature*2) asks that many nodes for the feature and
// nothing of the others, of which there are some only if the job has more nodes;
// in brackets with counts each part takes nodes of its own.
func MatchConstraint(expr string, features []string, nodes int) (bool, error) {
	p := &constraint{rest: expr, features: features, nodes: nodes}
	ok, _, err := p.list(0)
	if err == nil && p.rest != "" {
		err = errConstraint
	}
	return ok, err
}

type constraint struct {
	rest     string
	features []string
	nodes    int
}

// list reads terms up to the closing bracket; counted says that one of them has
// a count.
func (p *constraint) list(closing byte) (val, counted bool, err error) {
	val, counted, err = p.term(closing)
	either := val // some term holds
	for err == nil && p.rest != "" && p.rest[0] != closing {
		op := p.rest[0]
		if op != '&' && op != ',' && op != '|' {
			return false, false, errConstraint
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

func (p *constraint) term(within byte) (val, counted bool, err error) {
	switch {
	case p.rest == "":
		return false, false, errConstraint
	case p.rest[0] == '(' || p.rest[0] == '[':
		closing := byte(')')
		if p.rest[0] == '[' {
			closing = ']'
		}
		p.rest = p.rest[1:]
		if val, counted, err = p.list(closing); err != nil || p.rest == "" {
			return false, false, errConstraint
		}
		p.rest = p.rest[1:]
	default:
		end := strings.IndexAny(p.rest, "&|,()[]*")
		if end < 0 {
			end = len(p.rest)
		}
		word := p.rest[:end]
		if word == "" {
			return false, false, errConstraint
		}
		p.rest = p.rest[end:]
		val = slices.Contains(p.features, word)
	}
	if rest, ok := strings.CutPrefix(p.rest, "*"); ok {
		p.rest = strings.TrimLeft(rest, "0123456789")
		n, err := strconv.Atoi(rest[:len(rest)-len(p.rest)])
		if err != nil || n < 1 {
			return false, false, errConstraint
		}
		// Inside of brackets the counts are all the nodes that there are.
		val, counted = val || within == 0 && n < p.nodes, true
	}
	return val, counted, nil
}
