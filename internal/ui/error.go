// Package ui is what people see: errors with their hints, tables, progress, and
// the same as JSON.
//
// It promises that an error is one short text and a way out on a line of its
// own, and that with --json an error is JSON too. It never decides anything.
package ui

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/jobspec"
)

// ErrorSchema is the name of the JSON of an error.
const ErrorSchema = "nixbatch/error/v1"

// Failure is what a command that fails prints with --json.
type Failure struct {
	Schema   string            `json:"schema"`
	ExitCode int               `json:"exit_code"`
	Message  string            `json:"message"`
	Hint     string            `json:"hint,omitempty"`
	Problems []jobspec.Problem `json:"problems,omitempty"` // of a job file
}

// PrintError tells a person what went wrong.
func PrintError(w io.Writer, err error) {
	var ps jobspec.Problems
	if errors.As(err, &ps) {
		for _, p := range ps {
			screen.Printf(w, "%s:%d:%d: %s\n", p.File, p.Line, p.Column, p.Message)
			if p.Hint != "" {
				screen.Printf(w, "  hint: %s\n", p.Hint)
			}
		}
		return
	}
	for i, l := range lines(err) {
		if i == 0 {
			l = "nixbatch: " + l
		} else {
			l = "  " + l
		}
		screen.Printf(w, "%s\n", l)
	}
	if h := fault.Hint(err); h != "" {
		screen.Printf(w, "hint: %s\n", h)
	}
}

// lines is a line for each of several joined errors. A line end within one of
// them is no line of ours: errors quote file names and what other programs said.
func lines(err error) []string {
	text := err.Error()
	var parts []error
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		parts = e.Unwrap()
	case interface{ Unwrap() error }:
		if in := e.Unwrap(); in != nil {
			before, ok := strings.CutSuffix(text, in.Error())
			if ok {
				out := lines(in)
				out[0] = before + out[0]
				return out
			}
		}
	}
	var out, texts []string
	for _, p := range parts {
		out, texts = append(out, lines(p)...), append(texts, p.Error())
	}
	if len(parts) == 0 || strings.Join(texts, "\n") != text {
		return []string{text}
	}
	return out
}

// PrintErrorJSON tells a program what went wrong.
func PrintErrorJSON(w io.Writer, err error, exitCode int) {
	e := Failure{Schema: ErrorSchema, ExitCode: exitCode, Message: err.Error(), Hint: fault.Hint(err)}
	var ps jobspec.Problems
	if errors.As(err, &ps) {
		e.Message = fmt.Sprintf("%d problems in %s", len(ps), ps[0].File)
		e.Problems = ps
	}
	// Nothing else can be done where even this cannot be written.
	_ = PrintJSON(w, e)
}

// PrintJSON prints v, indented; screen.JSON says how.
func PrintJSON(w io.Writer, v any) error { return screen.JSON(w, v) }
