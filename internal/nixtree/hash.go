package nixtree

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/nix-community/go-nix/pkg/nar"
	"github.com/nix-community/go-nix/pkg/nixhash"
)

// HashTree is the hash of a directory's NAR, as SRI: what Nix calls its
// sha256. The whole tree counts, hidden files and symbolic links too; a socket
// or device in it is an error.
func HashTree(dir string) (sri string, err error) {
	h := sha256.New()
	if err := nar.DumpPath(h, dir); err != nil {
		return "", fmt.Errorf("hash of tree %s: %w", dir, err)
	}
	return FormatSRI(h.Sum(nil)), nil
}

func FormatSRI(digest []byte) string {
	return "sha256-" + base64.StdEncoding.EncodeToString(digest)
}

// ParseSRI returns the 32 bytes of "sha256-<base64>".
func ParseSRI(sri string) ([]byte, error) {
	b64, ok := strings.CutPrefix(sri, "sha256-")
	if !ok {
		return nil, fmt.Errorf("hash %q does not begin with sha256-", sri)
	}
	d, err := base64.StdEncoding.DecodeString(b64)
	if err != nil || len(d) != sha256.Size {
		return nil, fmt.Errorf("hash %q is not sha256- and 44 base64 digits", sri)
	}
	return d, nil
}

// ToSRI brings any form Nix prints a SHA-256 in into SRI; what it cannot read
// it leaves alone.
func ToSRI(s string) string {
	algo := nixhash.SHA256
	h, err := nixhash.ParseAny(s, &algo)
	if err != nil || h.Algo() != nixhash.SHA256 {
		return s
	}
	return FormatSRI(h.Digest())
}
