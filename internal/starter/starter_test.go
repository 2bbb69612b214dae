package starter_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/starter"
	"github.com/nixbatch/nixbatch/jobspec"
)

// What lacks is the pin, and nothing else.
func TestOnlyThePinLacks(t *testing.T) {
	t.Chdir(t.TempDir())
	for file, name := range map[string]string{"water.yaml": "water", "a b.yaml": "a-b", "-.yaml": "job", strings.Repeat("x", 80) + ".yaml": strings.Repeat("x", 64)} {
		if err := starter.Write(file); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = jobspec.Parse(file, text)
		var ps jobspec.Problems
		if !errors.As(err, &ps) || len(ps) != 2 || !strings.Contains(ps[0].Message, "environment.nixpkgs.rev") || !strings.Contains(ps[1].Message, "environment.nixpkgs.hash") {
			t.Errorf("%s: %v", file, err)
		}
		pinned := strings.Replace(strings.Replace(string(text), "rev:", "rev: "+strings.Repeat("0", 40), 1), "hash:", "hash: sha256-"+strings.Repeat("A", 43)+"=", 1)
		if spec, err := jobspec.Parse(file, []byte(pinned)); err != nil || spec.Name != name {
			t.Errorf("%s: %+v, %v", file, spec, err)
		}
		if err := starter.Write(file); fault.Hint(err) == "" {
			t.Errorf("a second time: %v", err)
		}
	}
	if err := starter.Write("nowhere/job.yaml"); fault.Hint(err) != "make it first" {
		t.Errorf("got %v", err)
	}
}
