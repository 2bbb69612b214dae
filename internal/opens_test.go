package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// openers may open a file without durable.Open, and why.
var openers = map[string]string{
	"internal/durable/write.go":       "it opens a directory, to flush it",
	"internal/digest/hash.go":         "it has looked at what it opens",
	"jobspec/spec.go":                 "it has looked at what it opens",
	"internal/agent/printed.go":       "it opens a descriptor of its own",
	"internal/agent/machine.go":       "it reads what the kernel tells",
	"internal/proc/ident.go":          "it reads what the kernel tells",
	"cpuflags/host.go":                "it reads what the kernel tells, or a file that a person named",
	"internal/rundir/create.go":       "it copies this program",
	"internal/rundir/alive.go":        "it reads what the kernel tells",
	"internal/nixsource/trees.go":     "it reads what this project remembers",
	"internal/launch/elf.go":          "it reads a program that was just found executable",
	"internal/record/export/crate.go": "it reads what this export has just written",
	"internal/record/export/zip.go":   "it reads what this export has just written",
	"slurm/cluster.go":                "it reads Slurm's own configuration",
}

var opens = regexp.MustCompile(`\bos\.(Open|ReadFile)\(`)

// Whatever lies in a run or a record may be a pipe, which nobody ever writes to:
// durable.Open refuses one, and so whoever opens it is never held up.
func TestPipesHoldNobodyUp(t *testing.T) {
	found := map[string]bool{}
	for _, top := range []string{"cmd", "internal", "jobspec", "slurm", "cpuflags"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(path string, e fs.DirEntry, err error) error {
			name := strings.TrimPrefix(filepath.ToSlash(path), "../")
			if err != nil || e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || forTests(name) {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil || !opens.Match(text) {
				return err
			}
			if openers[name] == "" {
				t.Errorf("%s: open with internal/durable, which refuses pipes", name)
			}
			found[name] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range openers {
		if !found[name] {
			t.Errorf("%s opens nothing: the exception says nothing", name)
		}
	}
}

// forTests are the packages that no user runs.
func forTests(name string) bool {
	for _, part := range []string{"internal/testbed/", "internal/campaign/", "test/"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}
