package nix

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/nix-community/go-nix/pkg/nar"
	"github.com/nix-community/go-nix/pkg/nixbase32"
	"github.com/nix-community/go-nix/pkg/nixhash"
	"github.com/nix-community/go-nix/pkg/storepath"
)

// HashTree is the hash of a directory's NAR, as SRI: what Nix calls its
// sha256. The whole tree counts, hidden files and symbolic links too; a socket
// or device in it is an error.
func HashTree(dir string) (sri string, err error) {
	h := sha256.New()
	if err := nar.DumpPath(h, dir); err != nil {
		return "", fmt.Errorf("hash of tree %s: %w", dir, err)
	}
	return formatSRI(h.Sum(nil)), nil
}

func formatSRI(digest []byte) string {
	return "sha256-" + base64.StdEncoding.EncodeToString(digest)
}

// parseSRI returns the 32 bytes of "sha256-<base64>".
func parseSRI(sri string) ([]byte, error) {
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

// toSRI brings any form Nix prints a SHA-256 in into SRI; what it cannot read
// it leaves alone.
func toSRI(s string) string {
	algo := nixhash.SHA256
	h, err := nixhash.ParseAny(s, &algo)
	if err != nil || h.Algo() != nixhash.SHA256 {
		return s
	}
	return formatSRI(h.Digest())
}

// sourcePath is the store path of a tree added by its recursive SHA-256 under
// the name "source" (nix/libstore: makeFixedOutputPath, which for this one kind
// hashes "source:sha256:<hex>:/nix/store:<name>" and compresses to 20 bytes).
func sourcePath(sri string) (string, error) {
	d, err := parseSRI(sri)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte("source:sha256:" + hex.EncodeToString(d) + ":" + storepath.StoreDir + ":source"))
	return storepath.StoreDir + "/" + nixbase32.EncodeToString(nixhash.CompressHash(sum[:], storepath.PathHashSize)) + "-source", nil
}
