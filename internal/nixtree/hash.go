package nixtree

import (
	"crypto/sha256"
	"fmt"

	"github.com/nix-community/go-nix/pkg/nar"
	"github.com/nix-community/go-nix/pkg/nixhash"

	"github.com/nixbatch/nixbatch/internal/sri"
)

// HashTree is the hash of a directory's NAR, as SRI: what Nix calls its
// sha256. The whole tree counts, hidden files and symbolic links too; a socket
// or device in it is an error.
func HashTree(dir string) (hash string, err error) {
	h := sha256.New()
	if err := nar.DumpPath(h, dir); err != nil {
		return "", fmt.Errorf("hash of tree %s: %w", dir, err)
	}
	return sri.Format(h.Sum(nil)), nil
}

// ToSRI brings any form Nix prints a SHA-256 in into SRI; what it cannot read
// it leaves alone.
func ToSRI(s string) string {
	algo := nixhash.SHA256
	h, err := nixhash.ParseAny(s, &algo)
	if err != nil || h.Algo() != nixhash.SHA256 {
		return s
	}
	return sri.Format(h.Digest())
}
