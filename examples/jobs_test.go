package examples_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/jobspec"
)

// Every job file here is a valid one, and brings the inputs it names.
func TestJobFiles(t *testing.T) {
	files, err := filepath.Glob("*/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("job files %q: %v", files, err)
	}
	for _, file := range files {
		spec, err := jobspec.Load(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, input := range spec.Inputs {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), input)); err != nil {
				t.Errorf("%s: input: %v", file, err)
			}
		}
	}
}
