package gc_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/gc"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/slurm"
)

// A root goes when the runs that need it are over, and never on a guess.
func TestRoots(t *testing.T) {
	mine := func(s slurm.State) []slurm.Job {
		return []slurm.Job{{ID: 7, Array: 7, Task: -1, State: s, Submit: runtest.Noon}}
	}
	for name, tc := range map[string]struct {
		w    runtest.Witness
		kept string // "": it is dropped
		err  bool
	}{
		"running":       {runtest.Witness{InQueue: mine(slurm.Running)}, "is running", false},
		"completed":     {runtest.Witness{InQueue: mine(slurm.Completed), AcctErr: slurm.ErrNoAccounting}, "", false},
		"Slurm is away": {runtest.Witness{QueueErr: errors.New("slurmctld is away"), AcctErr: slurm.ErrNoAccounting}, "is unknown", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := runtest.Sent(t)
			roots := filepath.Join(r.Project.Dir, "roots")
			if err := os.MkdirAll(roots, 0o700); err != nil {
				t.Fatal(err)
			}
			for link, to := range map[string]string{"of-the-run": "/nix/store/none-a", "built": "/nix/store/none-c"} {
				if err := os.Symlink(to, filepath.Join(roots, link)); err != nil {
					t.Fatal(err)
				}
			}
			tc.w.T = t
			got, err := gc.Collect(t.Context(), r.Project, &tc.w, &nix.Nix{}, runtest.About(), false)
			if got == nil || (err != nil) != tc.err {
				t.Fatalf("%+v, %v", got, err)
			}
			kept := ""
			for _, k := range got.Kept {
				if k.Name == "of-the-run" {
					kept = k.Kept
				} else if k.Name != "built" || !strings.Contains(k.Kept, "nixbatch build made it") {
					t.Errorf("kept %+v", k)
				}
			}
			if _, err := os.Lstat(filepath.Join(roots, "of-the-run")); (tc.kept == "") != (err != nil) || !strings.Contains(kept, tc.kept) || (kept == "") != (tc.kept == "") {
				t.Errorf("kept %q, want %q (%v)", kept, tc.kept, err)
			}
			if _, err := os.Lstat(filepath.Join(roots, "built")); err != nil {
				t.Errorf("what no run needs was dropped: %v", err)
			}
		})
	}
}
