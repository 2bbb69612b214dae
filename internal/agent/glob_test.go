package agent

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// An output of which cannot be told whether it is there is not missing, and hides
// none of the others.
func TestUnreadOutputs(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.Mkdir("d", 0o700), os.WriteFile(filepath.Join("d", "a.out"), []byte("x"), 0o600), os.WriteFile("file", nil, 0o600),
		os.Symlink("loop", "loop")); err != nil {
		t.Fatal(err)
	}
	var a Agent
	for pattern, want := range map[string][]facts.Skip{
		"d/a.out": {""}, "d/*.out": {""}, "none": {facts.SkipMissing}, "none/*": {facts.SkipMissing}, "d/none*": {facts.SkipMissing},
		"file/below": {facts.SkipUnreadable}, "loop/below": {facts.SkipUnreadable}, "{d,loop}/a.out": {facts.SkipUnreadable, ""},
	} {
		var got []facts.Skip
		for _, f := range a.describe([]string{pattern}, 1<<20) {
			got = append(got, f.Why())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
}
