package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
)

// typed is an error type with a kind, as those that hold data.
type typed struct {
	kind fault.Kind
	err  error
}

func (e *typed) Error() string    { return "typed" }
func (e *typed) Unwrap() error    { return e.err }
func (e *typed) Kind() fault.Kind { return e.kind }

var errForeign = errors.New("from a package that has no kinds")

func foreign(err error) (fault.Kind, bool) { return fault.Slurm, err == errForeign }

// The exit code is the kind: of errors in each other the outermost decides, but
// for what is not sure, an interrupt, and a machine that said no.
func TestKindOf(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	gone := &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}
	in := func(err error) error { return fmt.Errorf("around: %w", err) }
	for name, tc := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"plain":                          {errors.New("x"), fault.Input},
		"a fault":                        {in(fault.New("x", "")), fault.Input},
		"of a kind":                      {in(&fault.Error{Kind: fault.Nix}), fault.Nix},
		"a type of its own":              {in(&typed{kind: fault.Slurm}), fault.Slurm},
		"of another package":             {in(errForeign), fault.Slurm},
		"given a kind":                   {in(fault.Of(fault.Failed, errForeign)), fault.Failed},
		"the outermost":                  {&typed{fault.Nix, errForeign}, fault.Nix},
		"the first":                      {errors.Join(&typed{kind: fault.Slurm}, &typed{kind: fault.Nix}), fault.Slurm},
		"not sure, within":               {&typed{fault.Slurm, &typed{kind: fault.Unsure}}, fault.Unsure},
		"interrupted, within":            {&typed{fault.Nix, in(context.Canceled)}, fault.Interrupted},
		"not sure, and interrupted":      {errors.Join(context.Canceled, &typed{kind: fault.Unsure}), fault.Unsure},
		"a full disk":                    {in(full), fault.System},
		"a full disk behind a fault":     {in(fault.New("x", "").Because(full)), fault.System},
		"a full disk behind Nix":         {&typed{fault.Nix, full}, fault.Nix},
		"a full disk, and Slurm's":       {errors.Join(full, errForeign), fault.System},
		"a file that is not there":       {in(gone), fault.Input},
		"no permission, by its own word": {in(fs.ErrPermission), fault.System},
		"none":                           {nil, fault.Input},
	} {
		if got := fault.KindOf(tc.err, foreign); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// Every kind has a row in what is promised.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []fault.Kind{fault.Failed, fault.Input, fault.Nix, fault.Slurm, fault.Unsure, fault.System, fault.Interrupted,
		fault.Refused, fault.Copied, fault.Begun, fault.Stranger} {
		if !strings.Contains(string(text), fmt.Sprintf("\n| %d | ", k)) {
			t.Errorf("exit-codes.md has no row for %d", k)
		}
	}
}

// What the kernel really says: a name that is too long or leads through a file
// is the user's, a disk that is full is not.
func TestRealAnswers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(filepath.Join(file, "below")); fault.KindOf(err) != fault.Input {
		t.Errorf("%v: %d", err, fault.KindOf(err))
	}
	if err := os.WriteFile("/dev/full", []byte("x"), 0o600); err == nil || !fault.IsSystem(err) || fault.KindOf(err) != fault.System {
		t.Errorf("%v: %d", err, fault.KindOf(err))
	}
}
