package jobspec

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The reference that people read is the one that the decoder goes by.
func TestReference(t *testing.T) {
	const file = "../docs/job-file.md"
	if *update {
		if err := os.WriteFile(file, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Reference(), string(have)); d != "" {
		t.Errorf("%s is not what the tables say (go test ./jobspec -update writes it):\n%s", file, d)
	}
}
