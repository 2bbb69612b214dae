package agent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/stage"
	"github.com/nixbatch/nixbatch/internal/status"
)

// outputs describes every file that a declared output names, and keeps what is in
// them for the run.
func (a *Agent) outputs(limit int64) []facts.File {
	below := int64(stage.Nothing)
	if a.plan.Own() && a.plan.Kept != nil {
		below = a.plan.Kept.Below
	}
	return a.described(a.plan.Outputs, limit, below)
}

// describe describes every file that one of the patterns names; a plain name
// that no file has is said to be missing.
func (a *Agent) describe(patterns []string, limit int64) []facts.File {
	return a.described(patterns, limit, stage.Nothing)
}

func (a *Agent) described(patterns []string, limit, below int64) []facts.File {
	k := stage.Keeper{Shared: a.Run.Project.Kept(), Run: a.Run.KeptDir(), Below: below, Flush: true}
	files, err := k.Outputs(a.at(), patterns, limit)
	if err != nil {
		fmt.Fprintf(a.Stderr, "nixbatch: %v\n", err)
	}
	return files
}

// most is how many files beside the job file are looked at.
const most = 10_000

// surroundings are the names in a directory, nil where they are too many to be
// looked at.
func surroundings(dir string) map[string]bool {
	names := map[string]bool{}
	for _, n := range stage.Match(dir, []string{"**"}, func(string) {}, func(string, error) {}) {
		if names[n] = true; len(names) > most {
			return nil
		}
	}
	return names
}

// undeclared are the files that appeared beside the job file since the task began
// and that are none of its outputs.
func (a *Agent) undeclared(outputs []facts.File) (out []string) {
	if a.own() || a.before == nil {
		return nil
	}
	declared := map[string]bool{}
	for _, f := range outputs {
		declared[f.Path] = true
	}
	for n := range surroundings(".") {
		if !a.before[n] && !declared[n] {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), facts.MostUndeclared)]
}

// notInputs are files that lie beside the job file and are not in the task's own
// directory, and whose names stand in its lines or at the end of its log: what a
// failed task may have missed.
func (a *Agent) notInputs() (out []string) {
	if !a.own() {
		return nil
	}
	lines, _ := status.Tail(a.Run.LogFile(a.task)) // no more than a hint
	text := a.plan.Run + "\n" + strings.Join(lines, "\n")
	here := surroundings(a.dir)
	var names []string
	for n := range surroundings(a.start.Priv.WorkDir) {
		if here != nil && !here[n] && mentions(text, n) {
			names = append(names, n)
		}
	}
	gone := stage.Match(a.start.Priv.WorkDir, a.plan.Gives(), func(string) {}, func(string, error) {})
	for _, n := range names {
		if !slices.Contains(gone, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), 5)]
}

// mentions reports whether a text has a file's name as a word.
func mentions(text, name string) bool {
	for i := 0; ; {
		j := strings.Index(text[i:], name)
		if j < 0 {
			return false
		}
		i += j
		before, after := byte(' '), byte(' ')
		if i > 0 {
			before = text[i-1]
		}
		if end := i + len(name); end < len(text) {
			after = text[end]
		}
		if !inName(before) && (!inName(after) || after == '.' && (i+len(name)+1 == len(text) || !inName(text[i+len(name)+1]))) {
			return true
		}
		i += len(name)
	}
}

func inName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.+/", c) >= 0 || c >= 0x80
}
