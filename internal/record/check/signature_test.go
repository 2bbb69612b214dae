package check_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
)

func TestSignature(t *testing.T) {
	dir := t.TempDir()
	run := recordtest.Make(t, dir, recordtest.Options{})
	run.Seal(t)
	key := filepath.Join(dir, "key")
	keygen := func(args ...string) {
		t.Helper()
		if _, err := (proc.System{}).Run(context.Background(), proc.Cmd{Path: "ssh-keygen", Args: args}); err != nil {
			t.Fatal(err)
		}
	}
	keygen("-q", "-t", "ed25519", "-N", "", "-f", key)
	if err := seal.Sign(context.Background(), proc.System{}, run.Dir, key); err != nil {
		t.Fatal(err)
	}
	if err := seal.Sign(context.Background(), proc.System{}, run.Dir, key); !errors.Is(err, durable.ErrExists) {
		t.Errorf("signed twice: %v", err)
	}
	pub, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	good, other := filepath.Join(dir, "good"), filepath.Join(dir, "other")
	keygen("-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "key2"))
	pub2, err := os.ReadFile(filepath.Join(dir, "key2.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(good, append([]byte("author@example.org "), pub...), 0o600), os.WriteFile(other, append([]byte("author@example.org "), pub2...), 0o600)); err != nil {
		t.Fatal(err)
	}
	for signers, want := range map[string]string{"": check.Proved, good: check.Proved, other: check.Failed} {
		rep, err := check.Verify(context.Background(), exported(t, run, filepath.Join(t.TempDir(), "x"), true), check.Options{Runner: proc.System{}, Signers: signers})
		if err != nil {
			t.Fatal(err)
		}
		if v := verdict(t, rep, "the seal is signed"); v.Verdict != want || signers == good && !strings.Contains(v.Detail, "author@example.org") {
			t.Errorf("signers %q: %+v", signers, v)
		}
	}
	// The signature of another seal.
	second := recordtest.Make(t, t.TempDir(), recordtest.Options{Energy: 1})
	second.Seal(t)
	sig, err := os.ReadFile(filepath.Join(run.Dir, seal.SignatureFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(second.Dir, seal.SignatureFile), sig, 0o600); err != nil {
		t.Fatal(err)
	}
	if v := verdict(t, verify(t, second.Dir), "the seal is signed"); v.Verdict != check.Failed {
		t.Errorf("%+v", v)
	}
}
