package nix

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// saying is a Nix whose programs print this and fail.
func saying(t *testing.T, script string) *Nix {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "nix-store")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return &Nix{Dir: dir, Programs: Programs{Store: file, Instantiate: file}}
}

// A user who is not let in to the daemon is told whom to ask, in plain text.
func TestDeniedDaemon(t *testing.T) {
	n := saying(t, `printf "\033[31;1merror:\033[0m cannot connect to socket at '\033[35;1m/nix/var/nix/daemon-socket/socket\033[0m': Permission denied\n" >&2; exit 1`)
	_, err := n.Instantiate(context.Background(), Expression(Env{Name: "x", System: "x86_64-linux"}))
	for _, err := range []error{n.Ping(context.Background()), err} {
		var e *Error
		if !errors.As(err, &e) || e.Error() != "this user may not use Nix's daemon: /nix/var/nix/daemon-socket/socket: permission denied" ||
			!strings.Contains(e.Hint(), "nix-users") {
			t.Errorf("%v", err)
		}
	}
}

// What Nix says, in colours, comes without them.
func TestPlainErrors(t *testing.T) {
	err := saying(t, `printf "\033[31;1merror:\033[0m the \033[1mroof\033[0m is on fire\n" >&2; exit 1`).Ping(context.Background())
	if err == nil || err.Error() != "asking Nix failed: error: the roof is on fire" {
		t.Errorf("%q", err)
	}
}

// An interrupt that reached Nix before us is an interrupt, and a silence is one.
func TestNixWasInterrupted(t *testing.T) {
	for _, script := range []string{"kill -INT $$", "echo 'error: interrupted by the user' >&2; exit 1"} {
		if err := saying(t, script).Ping(context.Background()); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", script, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := saying(t, "exec sleep 1000").Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
