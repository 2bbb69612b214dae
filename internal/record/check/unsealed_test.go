package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// Files of tasks that were added are found wherever they stand between those that
// were sealed, also where others are gone.
func TestAddedTasks(t *testing.T) {
	for name, added := range map[string][]string{
		"first":           {"tasks/0-999/1/attempt-0/start.json"},
		"between":         {"tasks/0-999/4/attempt-0/end.json"},
		"an attempt":      {"tasks/0-999/2/attempt-1/start.json"},
		"last":            {"tasks/1000-1999/1000/attempt-0/start.json"},
		"the common log":  {"logs/slurm.log"},
		"two, and a log":  {"tasks/0-999/1/attempt-0/start.json", "tasks/0-999/2/attempt-7/end.json", "logs/77.log"},
		"nothing is said": nil,
	} {
		for _, gone := range []string{"", "tasks/0-999/0/attempt-0/start.json", "tasks/0-999/2/attempt-0/end.json", "logs/2.log"} {
			run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 6, NoEnd: map[int]bool{4: true}})
			for _, dir := range []string{"tasks/0-999/1", "logs/1.log"} {
				if err := os.RemoveAll(filepath.Join(run.Dir, dir)); err != nil {
					t.Fatal(err)
				}
			}
			run.Seal(t)
			for _, f := range added {
				file := filepath.Join(run.Dir, f)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if gone != "" {
				if err := os.Remove(filepath.Join(run.Dir, gone)); err != nil {
					t.Fatal(err)
				}
			}
			said := verdict(t, verify(t, run.Dir), "tasks' facts").Detail
			var want []string
			if gone != "" {
				want = append(want, gone+" is missing")
			}
			for _, f := range added {
				want = append(want, f+" was added after sealing")
			}
			if more := len(want) - 3; more > 0 {
				want = append(want[:3], "and 1 more")
			}
			if len(want) > 0 && said != strings.Join(want, "; ") || len(want) == 0 && strings.Contains(said, ";") {
				t.Errorf("%s, %q gone: said %s\nwant %s", name, gone, said, strings.Join(want, "; "))
			}
		}
	}
}
