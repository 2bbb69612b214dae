// Package ui is what people see: errors with their hints, tables, progress, and
// the same as JSON.
//
// It promises that an error is one short text and a way out on a line of its
// own, and that with --json an error is JSON too. It never decides anything.
package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/nixbatch/nixbatch/jobspec"
)

// ErrorSchema is the name of the JSON of an error.
const ErrorSchema = "nixbatch/error/v1"

type errorJSON struct {
	Schema   string        `json:"schema"`
	ExitCode int           `json:"exit_code"`
	Message  string        `json:"message"`
	Hint     string        `json:"hint,omitempty"`
	Problems []problemJSON `json:"problems,omitempty"`
}

type problemJSON struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Hint is the way out that an error names, or "".
func Hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// PrintError tells a person what went wrong.
func PrintError(w io.Writer, err error) {
	var ps jobspec.Problems
	if errors.As(err, &ps) {
		fmt.Fprintln(w, ps.Error())
		return
	}
	fmt.Fprintf(w, "nixbatch: %s\n", plain(err.Error()))
	if h := Hint(err); h != "" {
		fmt.Fprintf(w, "hint: %s\n", plain(h))
	}
}

// plain leaves out what would steer a terminal: errors quote file names,
// command lines and what other programs said.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// PrintErrorJSON tells a program what went wrong.
func PrintErrorJSON(w io.Writer, err error, exitCode int) {
	e := errorJSON{Schema: ErrorSchema, ExitCode: exitCode, Message: err.Error(), Hint: Hint(err)}
	var ps jobspec.Problems
	if errors.As(err, &ps) {
		e.Message = fmt.Sprintf("%d problems in %s", len(ps), ps[0].File)
		for _, p := range ps {
			e.Problems = append(e.Problems, problemJSON{p.File, p.Line, p.Column, p.Message, p.Hint})
		}
	}
	// Nothing else can be done where even this cannot be written.
	_ = PrintJSON(w, e)
}

// PrintJSON prints v, indented, without escaping what is fit for a terminal.
func PrintJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
