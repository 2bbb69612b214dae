package nix

import (
	"crypto/sha1"
	"os"
	"path/filepath"

	"github.com/nix-community/go-nix/pkg/nixbase32"
	"github.com/nixbatch/nixbatch/internal/nixstore"
)

// link is the GC root of an expression: an absolute path without symbolic
// links, since Nix registers its text.
func (n *Nix) link(ex Expr) (string, error) {
	dir, err := filepath.Abs(n.Dir)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return filepath.Join(dir, "roots", ex.Hash+"-"+ex.Name), nil
}

// Ready reports whether the build of an expression exists and is safe from
// garbage collection, and where it is. It starts no process: the root link has
// to point to an environment that is there, and the store has to point back at
// the link, which it does not after the directory was moved or copied.
func (n *Nix) Ready(ex Expr) (out string, ok bool) {
	link, err := n.link(ex)
	if err != nil || ex.err != nil {
		return "", false
	}
	out, err = os.Readlink(link)
	if err != nil || !nixstore.IsPath(out) {
		return "", false
	}
	if fi, err := os.Stat(out + "/activate"); err != nil || !fi.Mode().IsRegular() {
		return "", false
	}
	if back, err := os.Readlink(n.autoRoot(link)); err != nil || back != link {
		return "", false
	}
	return out, true
}

// autoRoot is the link by which the store knows an indirect root
// (nix: LocalStore::addIndirectRoot: the SHA-1 of its path, in Nix's base 32).
func (n *Nix) autoRoot(link string) string {
	state := n.getenv("NIX_STATE_DIR")
	if state == "" {
		state = "/nix/var/nix"
	}
	sum := sha1.Sum([]byte(link))
	return filepath.Join(state, "gcroots", "auto", nixbase32.EncodeToString(sum[:]))
}
