package cluster

import (
	"errors"
	"slices"
	"strings"
)

var errConstraint = errors.New("not a constraint that sbatch takes")

// matches reports whether a node with these features can take part in a job
// with this constraint: --constraint of sbatch(1), read from left to right with
// & and | of equal rank, as slurmctld does. In square brackets, alternatives
// count as "or" (which one all nodes share is decided later), and a count
// (feature*2) as the feature alone.
func matches(expr string, features []string) (bool, error) {
	p := &constraint{rest: expr, features: features}
	ok, err := p.list(0)
	if err == nil && p.rest != "" {
		err = errConstraint
	}
	return ok, err
}

type constraint struct {
	rest     string
	features []string
}

func (p *constraint) list(closing byte) (bool, error) {
	val, err := p.term()
	for err == nil && p.rest != "" && p.rest[0] != closing {
		op := p.rest[0]
		p.rest = p.rest[1:]
		var next bool
		next, err = p.term()
		switch op {
		case '&', ',':
			val = val && next
		case '|':
			val = val || next
		default:
			return false, errConstraint
		}
	}
	return val, err
}

func (p *constraint) term() (val bool, err error) {
	switch {
	case p.rest == "":
		return false, errConstraint
	case p.rest[0] == '(' || p.rest[0] == '[':
		closing := byte(')')
		if p.rest[0] == '[' {
			closing = ']'
		}
		p.rest = p.rest[1:]
		// In brackets with counts every part of an "and" takes nodes of its own.
		if val, err = p.list(closing); err != nil || p.rest == "" {
			return false, errConstraint
		}
		p.rest = p.rest[1:]
	default:
		end := strings.IndexAny(p.rest, "&|,()[]*")
		if end < 0 {
			end = len(p.rest)
		}
		word := p.rest[:end]
		if word == "" {
			return false, errConstraint
		}
		p.rest = p.rest[end:]
		val = slices.Contains(p.features, word)
	}
	if strings.HasPrefix(p.rest, "*") {
		p.rest = strings.TrimLeft(p.rest[1:], "0123456789")
	}
	return val, nil
}
