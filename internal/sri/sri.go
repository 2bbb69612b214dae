// Package sri reads and writes the SHA-256 of a source as Nix prints it, sha256-…,
// and makes that of the other notations.
//
// It promises that a hash which it lets pass is 32 bytes in full.
package sri

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/nix-community/go-nix/pkg/nixbase32"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// Form is the shape of a SHA-256 in the notation of the W3C's Subresource
// Integrity, as Nix prints it.
var Form = lazyre.New(`^sha256-[A-Za-z0-9+/]{43}=$`)

// Check says what is wrong with a hash, and how to write it right.
func Check(s string) (problem, hint string) {
	if Is(s) {
		return "", ""
	}
	if sri := Of(s); sri != "" {
		return "is not written as sha256-…", "write " + sri
	}
	for _, other := range []string{"md5", "sha1", "sha512", "blake3"} {
		if strings.HasPrefix(s, other+"-") || strings.HasPrefix(s, other+":") {
			return "is a hash of another kind: a pin needs a SHA-256", ""
		}
	}
	if strings.HasPrefix(s, "sha256-") {
		return "is cut off or mistyped: after sha256- come 43 characters of base64 and a =", ""
	}
	return "is not a hash: expected sha256-…", ""
}

// Is reports whether a text is such a hash.
func Is(s string) bool {
	if !Form.MatchString(s) {
		return false
	}
	_, err := Parse(s)
	return err == nil
}

// Format writes the 32 bytes of a SHA-256.
func Format(sum []byte) string { return "sha256-" + base64.StdEncoding.EncodeToString(sum) }

// Parse returns the 32 bytes of "sha256-<base64>".
func Parse(s string) ([]byte, error) {
	b64, ok := strings.CutPrefix(s, "sha256-")
	if !ok {
		return nil, fmt.Errorf("hash %q does not begin with sha256-", s)
	}
	sum, err := base64.StdEncoding.Strict().DecodeString(b64)
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("hash %q is not sha256- and 44 base64 digits", s)
	}
	return sum, nil
}

// Of converts the other ways in which a SHA-256 is written: hexadecimal,
// nix32 and base64, each with or without "sha256:" before it. It is "" if s is
// none of these.
func Of(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "sha256:"), "sha256-")
	var sum []byte
	var err error
	switch len(s) {
	case 64:
		sum, err = hex.DecodeString(s)
	case 52:
		sum, err = nixbase32.DecodeString(s)
	case 44:
		sum, err = base64.StdEncoding.Strict().DecodeString(s)
	}
	if err != nil || len(sum) != 32 {
		return ""
	}
	return Format(sum)
}
