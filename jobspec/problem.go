package jobspec

import (
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/internal/strictyaml"
)

// Pos is a place in a job file. Both count from 1; a column is a character, not
// a byte.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Problem is one thing that is wrong with a job file.
type Problem struct {
	File string `json:"file"`
	Pos
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // the way out, or ""
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Hint != "" {
		s += "\n  hint: " + p.Hint
	}
	return s
}

// Problems are all the things that are wrong with a job file, sorted by
// position. It is an error: one line each, its hint on a line of its own.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problemsOf are what a reader found wrong with a file.
func problemsOf(file string, found []strictyaml.Problem) Problems {
	ps := make(Problems, len(found))
	for i, p := range found {
		ps[i] = Problem{File: file, Pos: Pos(p.Pos), Message: p.Message, Hint: p.Hint}
	}
	return ps
}
