package submit

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// mostWords is how many words of the lines are looked at.
const mostWords = 200

// Missed are notes on files that lie beside the job file, stand in its lines, and
// are neither inputs nor outputs: the task, in a directory of its own, will not have
// them. It may not need them, so this is no error.
func (j *Planned) Missed() (notes []string) {
	if !j.Plan.Own() {
		return nil
	}
	var seen []string
	words := strings.FieldsFunc(j.Plan.Run, func(c rune) bool { return strings.ContainsRune(" \t\n;|&<>()'\"`$={}", c) })
	for _, w := range words[:min(len(words), mostWords)] {
		name := path.Clean(w)
		if !strings.Contains(name, ".") || path.IsAbs(name) || slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		if _, is := j.inputs.Files[name]; is || gives(j.Plan.Gives(), name) || slices.Contains(j.inputs.Later, name) {
			continue
		}
		if st, err := os.Lstat(filepath.Join(j.WorkDir, name)); err == nil && st.Mode().IsRegular() {
			notes = append(notes, fmt.Sprintf("run names %s, which is not among inputs: the task will not have it", name))
		}
	}
	return notes
}
