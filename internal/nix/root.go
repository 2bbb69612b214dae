package nix

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// Rooted reports whether some link in Dir/roots keeps a store path.
func (n *Nix) Rooted(out string) bool {
	dir := filepath.Join(n.Dir, "roots")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		link := filepath.Join(dir, e.Name())
		if target, err := os.Readlink(link); err != nil || target != out {
			continue
		}
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			link = filepath.Join(real, e.Name())
		}
		if back, err := os.Readlink(n.autoRoot(link)); err == nil && back == link {
			return true
		}
	}
	return false
}

// Keep makes a root for a store path that is there, unless it has one.
func (n *Nix) Keep(ctx context.Context, out string) error {
	if n.Rooted(out) {
		return nil
	}
	dir := filepath.Join(n.Dir, "roots")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &Error{Phase: "build", Message: "root link cannot be made: " + err.Error(), Err: err}
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	link := filepath.Join(dir, "kept-"+strings.TrimPrefix(filepath.Base(out), "/"))
	_, err := n.run(ctx, job{phase: "build", program: n.Programs.store(), args: []string{"--realise", out, "--add-root", link, "--indirect"}})
	return err
}
